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

moves as (
    select
        tickets.ticket_id,
        tickets.source_name,
        changes.from_value,
        changes.to_value,
        changes.changed_at,
        changes.from_value is null and changes.changed_at <= tickets.created_at as is_creation,
        row_number() over (
            partition by tickets.ticket_id
            order by changes.changed_at, case when changes.from_value is null then 0 else 1 end, changes.change_id
        ) as change_number
    from tickets
    inner join changes on tickets.ticket_id = changes.ticket_id
    where changes.field_name = 'team_source_key'
),

moments as (
    -- Given with the creation, or later in place of what it was before, which may be nothing.
    select
        tickets.ticket_id,
        tickets.source_name,
        case
            when moves.ticket_id is null then tickets.team_source_key
            when moves.is_creation then moves.to_value
            else moves.from_value
        end as team_source_key,
        tickets.created_at as started_at,
        0 as change_number
    from tickets
    left join moves on tickets.ticket_id = moves.ticket_id and moves.change_number = 1

    union all

    select
        ticket_id,
        source_name,
        to_value as team_source_key,
        changed_at as started_at,
        change_number
    from moves
    where not is_creation
),

final as (
    select
        moments.ticket_id,
        row_number() over (partition by moments.ticket_id order by moments.change_number) as span_number,
        teams.team_id,
        moments.started_at,
        coalesce(
            lead(moments.started_at) over (partition by moments.ticket_id order by moments.change_number),
            cast('2999-01-01' as timestamp)
        ) as ended_at
    from moments
    left join teams on moments.team_source_key = teams.source_key and moments.source_name = teams.source
)

select * from final
