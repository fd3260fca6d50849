{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

with

conversations as (
    select * from {{ ref('stg_intercom__conversations') }}
    where not is_deleted
),

parts as (
    select * from {{ ref('stg_intercom__conversation_parts') }}
    where not is_deleted and coalesce(body, '') <> ''
),

said as (
    -- What opened the conversation is no part of it.
    select
        source_id as comment_id,
        conversation_id as ticket_id,
        created_at,
        true as is_public,
        author_type
    from conversations
    where source_id is not null

    union all

    select
        parts.part_id as comment_id,
        parts.conversation_id as ticket_id,
        parts.created_at,
        -- One can reply while closing or opening; what is said with an assignment stays among teammates.
        parts.part_type in ('comment', 'open', 'close', 'quick_reply') as is_public,
        parts.author_type
    from parts
    inner join conversations on parts.conversation_id = conversations.conversation_id
),

final as (
    select
        comment_id,
        ticket_id,
        created_at,
        is_public,
        case
            when author_type = 'admin' then 'agent'
            when author_type in ('bot', 'team') then 'automatic'
            else 'customer'
        end as author_kind
    from said
)

select * from final
