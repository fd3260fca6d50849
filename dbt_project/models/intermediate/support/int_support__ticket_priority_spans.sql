{# Which priority each ticket had, when: the first from its creation, the last to the end of days. #}
with

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

changes as (
    {{ union_sources('support__ticket_changes', {
        'change_id': 'text',
        'ticket_id': 'text',
        'field_name': 'text',
        'from_value': 'text',
        'to_value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

spans as (
    {{ ticket_field_spans('tickets', 'changes', 'priority') }}
),

final as (
    select
        ticket_id,
        span_number,
        field_value as priority,
        started_at,
        ended_at
    from spans
)

select * from final
