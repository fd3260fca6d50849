{{ config(enabled=source_is_enabled('zendesk'), unique_key='ticket_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'ticket_metrics', {
        'ticket_id': 'text',
        'reopens': 'bigint',
        'replies': 'bigint',
        'reply_time_minutes': 'double',
        'first_resolution_minutes': 'double',
        'full_resolution_minutes': 'double',
        'requester_wait_minutes': 'double',
        'on_hold_minutes': 'double',
    }) }}
),

final as (
    select
        {{ instance_id('ticket_id') }} as ticket_id,
        reopens,
        replies,
        reply_time_minutes,
        first_resolution_minutes,
        full_resolution_minutes,
        requester_wait_minutes,
        on_hold_minutes,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'ticket_id') }}
