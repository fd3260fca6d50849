{{ config(enabled=source_is_enabled('zendesk'), unique_key='link_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'jira_links', {
        'link_id': 'text',
        'ticket_id': 'text',
        'issue_id': 'text',
        'issue_key': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('link_id') }} as link_id,
        {{ instance_id('ticket_id') }} as ticket_id,
        issue_id as vendor_issue_id,
        issue_key,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'link_id') }}
