{{ config(enabled=source_is_enabled('zendesk'), unique_key='ticket_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'tickets', {
        'ticket_id': 'text',
        'subject': 'text',
        'description': 'text',
        'status': 'text',
        'priority': 'text',
        'ticket_type': 'text',
        'channel': 'text',
        'requester_id': 'text',
        'assignee_id': 'text',
        'organization_id': 'text',
        'group_id': 'text',
        'tags': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('ticket_id') }} as ticket_id,
        ticket_id as vendor_ticket_id,
        subject,
        description,
        status,
        priority,
        ticket_type,
        channel,
        {{ instance_id('requester_id') }} as requester_id,
        {{ instance_id('assignee_id') }} as assignee_id,
        {{ instance_id('organization_id') }} as organization_id,
        {{ instance_id('group_id') }} as group_id,
        coalesce(tags, '') as tags,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'ticket_id') }}
