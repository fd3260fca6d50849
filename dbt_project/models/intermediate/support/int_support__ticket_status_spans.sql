{#
  The stretches of each ticket's status: the first from its creation, each change closes one and opens the next, the
  last is open.
#}
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

status_changes as (
    select
        changes.ticket_id,
        changes.from_value,
        changes.to_value,
        changes.changed_at,
        changes.change_id,
        row_number() over (
            partition by changes.ticket_id
            order by changes.changed_at, case when changes.from_value is null then 0 else 1 end, changes.change_id
        ) as change_number
    from changes
    where changes.field_name = 'status'
),

-- A status set at creation has no value before it; without that, the first change tells what it was.
starts as (
    select
        tickets.ticket_id,
        coalesce(first_change.from_value, first_change.to_value, tickets.status) as status,
        tickets.created_at as started_at,
        0 as change_number
    from tickets
    left join status_changes as first_change
        on tickets.ticket_id = first_change.ticket_id and first_change.change_number = 1
),

moments as (
    select ticket_id, status, started_at, change_number from starts
    union all
    select
        status_changes.ticket_id,
        status_changes.to_value as status,
        status_changes.changed_at as started_at,
        status_changes.change_number
    from status_changes
    inner join tickets on status_changes.ticket_id = tickets.ticket_id
    where not (status_changes.change_number = 1 and status_changes.from_value is null)
),

final as (
    select
        ticket_id,
        row_number() over (partition by ticket_id order by change_number) as span_number,
        status,
        status in ('solved', 'closed') as is_resolved,
        coalesce(
            lag(status) over (partition by ticket_id order by change_number) in ('solved', 'closed'), false
        ) as was_resolved,
        started_at,
        lead(started_at) over (partition by ticket_id order by change_number) as ended_at
    from moments
)

select * from final
