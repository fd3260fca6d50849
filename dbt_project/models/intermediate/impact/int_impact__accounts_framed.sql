{#
  The accounts whose weeks the impact engine compares: whoever ever paid a recurring price. Tests and own workspaces are
  left out. Segment and seats change and so lie on the weeks.
#}
with

spans as (
    select * from {{ ref('int_revenue__contract_spans') }}
    where monthly_amount > 0
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id and not is_excluded
),

countries as (
    select * from {{ ref('countries') }}
),

paid as (
    select
        account_id,
        min(from_on) as first_paid_on,
        max(to_on) as paid_until_on
    from spans
    group by account_id
),

final as (
    select
        paid.account_id,
        coalesce(countries.region, 'other') as region,
        cast({{ start_of('week', 'paid.first_paid_on') }} as timestamp) as signup_week,
        -- who comes back has not left: only the end of the last contract counts, once it is past
        case
            when paid.paid_until_on <= {{ today() }}
                then cast({{ start_of('week', 'paid.paid_until_on') }} as timestamp)
        end as churn_week
    from paid
    inner join accounts on paid.account_id = accounts.account_id
    left join countries on accounts.country in (countries.country_code, countries.country_name)
    where paid.first_paid_on <= {{ today() }}
)

select * from final
