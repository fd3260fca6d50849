{# One row per person, account and company's day with a value event: the governed list, not any event. #}
with

usage_days as (
    select * from {{ ref('int_metric__usage_days') }}
),

value_events as (
    select distinct value as event_name
    from {{ ref('stg_governance__mappings') }}
    where mapping_key = 'analytics.value_events'
),

final as (
    select
        usage_days.person_key,
        usage_days.account_id,
        usage_days.date_on,
        sum(usage_days.event_count) as event_count
    from usage_days
    inner join value_events on usage_days.event_name = value_events.event_name
    group by usage_days.person_key, usage_days.account_id, usage_days.date_on
)

select * from final
