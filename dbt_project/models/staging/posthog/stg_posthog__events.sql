{#
  Appended, not merged: an event never changes, so a key that is there is never looked at again. Ids of people who
  are not logged in have no person.
#}
{{ config(enabled=source_is_enabled('posthog'), incremental_strategy='append') }}

with

new_rows as (
    {{ latest_raw_rows('posthog', 'events', {
        'event_name': 'text',
        'distinct_id': 'text',
        'occurred_at': 'timestamp',
        'arrived_at': 'timestamp',
        'account_external_id': 'text',
        'feature': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as event_id,
        event_name,
        {{ instance_id('distinct_id') }} as profile_id,
        account_external_id,
        feature,
        occurred_at,
        arrived_at,
        {{ envelope() }}
    from new_rows
)

select final.*
from final
{%- if is_incremental() %}
where not exists (select 1 from {{ this }} as known where known.event_id = final.event_id)
{%- endif %}
