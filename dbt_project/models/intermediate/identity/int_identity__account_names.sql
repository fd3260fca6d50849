{# What each account is called, reduced to what must be equal, and in how many accounts of its country. #}
with

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

countries as (
    select * from {{ ref('countries') }}
),

named as (
    select
        accounts.account_id,
        accounts.created_at,
        {{ organization_name_key('accounts.account_name') }} as name_key,
        coalesce(countries.country_code, accounts.country) as country_code
    from accounts
    left join countries on accounts.country in (countries.country_code, countries.country_name)
),

final as (
    select
        account_id,
        created_at,
        name_key,
        country_code,
        substring(name_key, 1, 10) as name_start,
        count(*) over (partition by name_key, country_code) as namesake_count,
        count(*) over (partition by substring(name_key, 1, 10)) as similar_count
    from named
    where name_key is not null and length(name_key) >= 3
)

select * from final
