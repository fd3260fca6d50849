{{ config(enabled=source_is_enabled('zendesk'), unique_key='change_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'ticket_changes', {
        'change_id': 'text',
        'ticket_id': 'text',
        'field': 'text',
        'from_value': 'text',
        'to_value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('change_id') }} as change_id,
        {{ instance_id('ticket_id') }} as ticket_id,
        field as field_name,
        from_value,
        to_value,
        changed_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'change_id') }}
