{{ config(enabled=source_is_enabled('posthog'), materialized='view') }}

with

events as (
    select * from {{ ref('stg_posthog__events') }}
),

persons as (
    select * from {{ ref('stg_posthog__persons') }}
),

final as (
    select
        events.event_id,
        events._instance as instance,
        events.event_name,
        events.profile_id as profile_ref,
        persons.profile_id as user_ref,
        events.account_external_id,
        events.feature,
        events.occurred_at,
        events._batch_id
    from events
    left join persons on events.profile_id = persons.profile_id
)

select * from final
