{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

with

conversations as (
    select * from {{ ref('stg_intercom__conversations') }}
),

teams as (
    select * from {{ ref('stg_intercom__teams') }}
),

final as (
    select
        conversations.conversation_id as ticket_id,
        conversations._instance as instance,
        conversations.vendor_conversation_id as vendor_ticket_id,
        conversations.company_id as organization_ref,
        coalesce(conversations.contact_id, conversations.author_id) as requester_ref,
        conversations.admin_assignee_id as assignee_ref,
        teams.team_name as team_source_key,
        case conversations.source_type when 'conversation' then 'chat' else conversations.source_type end as channel,
        conversations.conversation_type as ticket_type,
        conversations.priority,
        {{ intercom_status('conversations.state') }} as status,
        conversations.tags,
        coalesce(conversations.title, conversations.source_subject) as subject,
        conversations.source_body as description,
        conversations.is_merged,
        conversations.created_at,
        conversations.is_deleted,
        '{{ var("support_link_base") }}/conversation/' || conversations.vendor_conversation_id as support_url
    from conversations
    left join teams on conversations.team_assignee_id = teams.team_id
)

select * from final
