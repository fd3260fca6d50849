-- The same fact has the same value everywhere.
with

weeks as (
    select * from {{ ref('mart_insight__account_health') }}
    where is_latest
),

accounts as (
    select * from {{ ref('dim_accounts') }}
    where not is_excluded
)

select
    accounts.account_id,
    accounts.health_score as account_health_score,
    weeks.health_score
from accounts
left join weeks on accounts.account_id = weeks.account_id
where
    coalesce(accounts.health_score, -1) <> coalesce(weeks.health_score, -1)
    or coalesce(accounts.health_scored_on, cast('1900-01-01' as date))
    <> coalesce(weeks.scored_on, cast('1900-01-01' as date))
