{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

with

tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

agent_groups as (
    select * from {{ ref('stg_zendesk__groups') }}
),

final as (
    select
        tickets.ticket_id,
        tickets._instance as instance,
        tickets.vendor_ticket_id,
        tickets.organization_id as organization_ref,
        tickets.requester_id as requester_ref,
        tickets.assignee_id as assignee_ref,
        agent_groups.group_name as team_source_key,
        tickets.channel,
        tickets.ticket_type,
        tickets.priority,
        tickets.status,
        tickets.tags,
        tickets.subject,
        tickets.description,
        {{ list_contains_value('tickets.tags', "'closed_by_merge'") }} as is_merged,
        tickets.created_at,
        tickets.is_deleted or tickets.status = 'deleted' as is_deleted,
        '{{ var("support_link_base") }}/agent/tickets/' || tickets.vendor_ticket_id as support_url
    from tickets
    left join agent_groups on tickets.group_id = agent_groups.group_id
)

select * from final
