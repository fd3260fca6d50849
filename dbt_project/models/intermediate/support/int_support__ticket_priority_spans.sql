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

moves as (
    select
        tickets.ticket_id,
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
    where changes.field_name = 'priority'
),

moments as (
    -- Given with the creation, or later in place of what it was before, which may be nothing.
    select
        tickets.ticket_id,
        case
            when moves.ticket_id is null then tickets.priority
            when moves.is_creation then moves.to_value
            else moves.from_value
        end as priority,
        tickets.created_at as started_at,
        0 as change_number
    from tickets
    left join moves on tickets.ticket_id = moves.ticket_id and moves.change_number = 1

    union all

    select
        ticket_id,
        to_value as priority,
        changed_at as started_at,
        change_number
    from moves
    where not is_creation
),

final as (
    select
        ticket_id,
        row_number() over (partition by ticket_id order by change_number) as span_number,
        priority,
        started_at,
        coalesce(
            lead(started_at) over (partition by ticket_id order by change_number),
            cast('2999-01-01' as timestamp)
        ) as ended_at
    from moments
)

select * from final
