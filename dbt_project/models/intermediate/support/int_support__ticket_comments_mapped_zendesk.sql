{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

with

comments as (
    select * from {{ ref('stg_zendesk__ticket_comments') }}
),

tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

people as (
    select * from {{ ref('int_identity__people_mapped_zendesk') }}
),

final as (
    select
        comments.comment_id,
        comments.ticket_id,
        comments.created_at,
        comments.is_public,
        case
            when comments.author_id = tickets.requester_id then 'customer'
            -- Triggers and bots speak in an agent's name.
            when comments.via_channel in ('rule', 'system', 'sla') or comments.via_channel like 'answer_bot%' then 'automatic'
            when people.is_bot then 'automatic'
            when people.is_staff then 'agent'
            else 'customer'
        end as author_kind
    from comments
    inner join tickets on comments.ticket_id = tickets.ticket_id
    left join people on comments.author_id = people.person_ref
    where not comments.is_deleted
)

select * from final
