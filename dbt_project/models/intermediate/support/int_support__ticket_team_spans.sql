{# Which team had each ticket, when: the first from its creation, the last to the end of days. #}
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

teams as (
    select
        source,
        source_key,
        max(team_id) as team_id
    from {{ ref('stg_governance__teams') }}
    group by source, source_key
),

spans as (
    {{ ticket_field_spans('tickets', 'changes', 'team_source_key') }}
),

final as (
    select
        spans.ticket_id,
        spans.span_number,
        teams.team_id,
        spans.started_at,
        spans.ended_at
    from spans
    left join teams on spans.field_value = teams.source_key and spans.source_name = teams.source
)

select * from final
