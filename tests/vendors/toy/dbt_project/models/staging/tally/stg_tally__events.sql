{# Appended, not merged: an event never changes, so a key that is there is never looked at again. #}
{{ config(enabled=source_is_enabled('tally'), incremental_strategy='append') }}

with

new_rows as (
    {{ latest_raw_rows('tally', 'events', {
        'event_name': 'text',
        'user_id': 'text',
        'account_external_id': 'text',
        'feature': 'text',
        'occurred_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as event_id,
        event_name,
        {{ instance_id('user_id') }} as profile_id,
        account_external_id,
        feature,
        occurred_at,
        {{ envelope() }}
    from new_rows
)

select final.*
from final
{%- if is_incremental() %}
where not exists (select 1 from {{ this }} as known where known.event_id = final.event_id)
{%- endif %}
