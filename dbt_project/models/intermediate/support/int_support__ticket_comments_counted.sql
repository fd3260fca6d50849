{# One row per ticket: its public comments, by who wrote them. #}
with

comments as (
    {{ union_sources('support__ticket_comments', {
        'comment_id': 'text',
        'ticket_id': 'text',
        'created_at': 'timestamp',
        'is_public': 'boolean',
        'author_kind': 'text',
    }) }}
),

final as (
    select
        ticket_id,
        min(case when author_kind = 'agent' then created_at end) as first_reply_at,
        min(case when author_kind in ('agent', 'automatic') then created_at end) as first_reply_incl_automatic_at,
        sum(case when author_kind = 'agent' then 1 else 0 end) as agent_reply_count,
        sum(case when author_kind = 'customer' then 1 else 0 end) as customer_comment_count
    from comments
    where is_public
    group by ticket_id
)

select * from final
