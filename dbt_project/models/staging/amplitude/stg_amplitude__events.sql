{#
  Appended, not merged: an event never changes, so a key that is there is never looked at again. Who is not logged in
  is told apart by the device.
#}
{{ config(enabled=source_is_enabled('amplitude'), incremental_strategy='append') }}

with

new_rows as (
    {{ latest_raw_rows('amplitude', 'events', {
        'event_name': 'text',
        'user_id': 'text',
        'amplitude_id': 'text',
        'device_id': 'text',
        'occurred_at': 'timestamp',
        'uploaded_at': 'timestamp',
        'account_external_id': 'text',
        'feature': 'text',
    }) }}
),

identified as (
    select
        new_rows.*,
        coalesce(user_id, device_id, amplitude_id) as profile_id
    from new_rows
),

final as (
    select
        {{ instance_id('_key') }} as event_id,
        event_name,
        {{ instance_id('profile_id') }} as profile_id,
        {{ instance_id('user_id') }} as user_id,
        account_external_id,
        feature,
        occurred_at,
        uploaded_at,
        {{ envelope() }}
    from identified
)

select final.*
from final
{%- if is_incremental() %}
where not exists (select 1 from {{ this }} as known where known.event_id = final.event_id)
{%- endif %}
