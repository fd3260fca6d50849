{{ config(enabled=source_is_enabled('zendesk'), unique_key='response_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'csat_responses', {
        'response_id': 'text',
        'ticket_id': 'text',
        'responder_id': 'text',
        'rating_category': 'text',
        'comment': 'text',
        'answered_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('response_id') }} as response_id,
        response_id as vendor_response_id,
        {{ instance_id('ticket_id') }} as ticket_id,
        ticket_id as vendor_ticket_id,
        {{ instance_id('responder_id') }} as responder_id,
        rating_category,
        comment as body,
        answered_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'response_id') }}
