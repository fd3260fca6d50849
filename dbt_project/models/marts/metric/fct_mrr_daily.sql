with

spans as (
    select * from {{ ref('int_revenue__account_spans') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

countries as (
    select * from {{ ref('countries') }}
),

days as (
    {{ date_spine('(select min(spans.from_on) from spans)', today()) }}
),

final as (
    select
        spans.account_id,
        days.date_on,
        spans.mrr_amount,
        cast(12 * spans.mrr_amount as {{ type_amount() }}) as arr_amount,
        spans.currency,
        segments.segment,
        coalesce(countries.region, 'other') as region,
        spans.plan_names,
        spans.seat_count,
        cast(spans.contract_count as bigint) as contract_count
    from spans
    inner join days on days.date_on >= spans.from_on and days.date_on < spans.to_on
    inner join accounts on spans.account_id = accounts.account_id
    left join countries on accounts.country in (countries.country_code, countries.country_name)
    left join segments
        on
            spans.account_id = segments.account_id
            and days.date_on >= segments.valid_from_on
            and days.date_on < segments.valid_to_on
)

select * from final
