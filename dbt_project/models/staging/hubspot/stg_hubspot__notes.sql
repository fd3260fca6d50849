{{ config(enabled=source_is_enabled('hubspot'), unique_key='note_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'notes', {
        'note_id': 'text',
        'hs_note_body': 'text',
        'hs_timestamp': 'timestamp',
        'hubspot_owner_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('note_id') }} as note_id,
        note_id as vendor_note_id,
        hs_note_body as body,
        hs_timestamp as occurred_at,
        {{ instance_id('hubspot_owner_id') }} as owner_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'note_id') }}
