{#
  How long customers waited for what: one row per ticket, kind of wait and number, in calendar and in business time.
  A requester's wait is the sum of the stays in new, open and hold; the others are one stretch. Each belongs to the
  team that had the ticket when the wait ended, and is measured by the calendar named like that team, else by the
  company's. A wait for what has not come (`is_over` is false) lasts up to now (`is_running`), or up to the solution of
  a ticket that was solved without it.
#}
with

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

status_spans as (
    select * from {{ ref('int_support__ticket_status_spans') }}
),

team_spans as (
    select * from {{ ref('int_support__ticket_team_spans') }}
),

windows as (
    select * from {{ ref('int_support__business_windows') }}
),

comments as (
    {{ union_sources('support__ticket_comments', {
        'comment_id': 'text',
        'ticket_id': 'text',
        'created_at': 'timestamp',
        'is_public': 'boolean',
        'author_kind': 'text',
    }) }}
),

solutions as (
    select
        ticket_id,
        min(case when is_resolved and not was_resolved then started_at end) as first_solved_at,
        max(case when is_resolved and not was_resolved then started_at end) as last_solved_at,
        max(case when ended_at is null and is_resolved then 1 else 0 end) as is_resolved_now
    from status_spans
    group by ticket_id
),

ends as (
    select
        ticket_id,
        is_resolved_now = 1 as is_resolved,
        case when is_resolved_now = 1 then last_solved_at else {{ now_utc() }} end as end_at
    from solutions
),

-- What people said to each other; automatic replies answer nothing.
spoken as (
    select
        comments.ticket_id,
        comments.author_kind,
        comments.created_at,
        lag(comments.author_kind) over (
            partition by comments.ticket_id order by comments.created_at, comments.comment_id
        ) as previous_author_kind,
        min(case when comments.author_kind = 'agent' then comments.created_at end) over (
            partition by comments.ticket_id
            order by comments.created_at, comments.comment_id
            rows between current row and unbounded following
        ) as next_agent_at
    from comments
    where comments.is_public and comments.author_kind in ('agent', 'customer')
),

first_replies as (
    select
        ticket_id,
        min(created_at) as first_reply_at
    from spoken
    where author_kind = 'agent'
    group by ticket_id
),

pieces as (
    select
        tickets.ticket_id,
        'first_reply' as wait_kind,
        1 as wait_number,
        tickets.created_at as from_at,
        coalesce(first_replies.first_reply_at, ends.end_at) as to_at,
        coalesce(first_replies.first_reply_at, ends.end_at) as counted_at,
        first_replies.first_reply_at is not null as is_over,
        first_replies.first_reply_at is null and not ends.is_resolved as is_running
    from tickets
    inner join ends on tickets.ticket_id = ends.ticket_id
    left join first_replies on tickets.ticket_id = first_replies.ticket_id

    union all

    -- From the first word of the customer after one of ours to our next.
    select
        spoken.ticket_id,
        'next_reply' as wait_kind,
        row_number() over (partition by spoken.ticket_id order by spoken.created_at) as wait_number,
        spoken.created_at as from_at,
        coalesce(spoken.next_agent_at, ends.end_at) as to_at,
        coalesce(spoken.next_agent_at, ends.end_at) as counted_at,
        spoken.next_agent_at is not null as is_over,
        spoken.next_agent_at is null and not ends.is_resolved as is_running
    from spoken
    inner join tickets on spoken.ticket_id = tickets.ticket_id
    inner join ends on spoken.ticket_id = ends.ticket_id
    where
        spoken.author_kind = 'customer'
        and spoken.previous_author_kind = 'agent'
        -- Thanks after the solution, which opened nothing, wait for no answer.
        and (spoken.next_agent_at is not null or ends.end_at > spoken.created_at)

    union all

    select
        tickets.ticket_id,
        'first_resolution' as wait_kind,
        1 as wait_number,
        tickets.created_at as from_at,
        solutions.first_solved_at as to_at,
        solutions.first_solved_at as counted_at,
        true as is_over,
        false as is_running
    from tickets
    inner join solutions on tickets.ticket_id = solutions.ticket_id
    where solutions.first_solved_at is not null

    union all

    select
        tickets.ticket_id,
        'full_resolution' as wait_kind,
        1 as wait_number,
        tickets.created_at as from_at,
        ends.end_at as to_at,
        ends.end_at as counted_at,
        ends.is_resolved as is_over,
        not ends.is_resolved as is_running
    from tickets
    inner join ends on tickets.ticket_id = ends.ticket_id

    union all

    select
        status_spans.ticket_id,
        'requester_wait' as wait_kind,
        1 as wait_number,
        status_spans.started_at as from_at,
        coalesce(status_spans.ended_at, {{ now_utc() }}) as to_at,
        case when solutions.is_resolved_now = 1 then solutions.last_solved_at else {{ now_utc() }} end as counted_at,
        solutions.is_resolved_now = 1 as is_over,
        solutions.is_resolved_now = 0 as is_running
    from status_spans
    inner join solutions on status_spans.ticket_id = solutions.ticket_id
    where status_spans.status in ('new', 'open', 'hold')
),

calendars as (
    select distinct
        calendar_id,
        time_zone
    from windows
),

company_calendar as (
    select calendar_id
    from (
        select
            calendar_id,
            row_number() over (order by case when calendar_id = 'default' then 0 else 1 end, calendar_id) as choice
        from calendars
    ) as ranked_calendars
    where choice = 1
),

placed as (
    select
        pieces.*,
        team_spans.team_id,
        coalesce(team_calendars.calendar_id, (select company_calendar.calendar_id from company_calendar))
            as calendar_id
    from pieces
    left join team_spans
        on
            pieces.ticket_id = team_spans.ticket_id
            and pieces.counted_at >= team_spans.started_at
            and pieces.counted_at < team_spans.ended_at
    left join calendars as team_calendars on team_spans.team_id = team_calendars.calendar_id
),

moments as (
    select calendar_id, from_at as moment_at from placed
    union
    select calendar_id, to_at as moment_at from placed
),

elapsed as (
    {{ open_seconds_until('moments', 'windows') }}
),

final as (
    select
        placed.ticket_id,
        placed.wait_kind,
        placed.wait_number,
        placed.team_id,
        placed.calendar_id,
        placed.counted_at,
        placed.is_over,
        placed.is_running,
        min(placed.from_at) as from_at,
        max(placed.to_at) as to_at,
        cast(
            sum(cast({{ seconds_between('placed.from_at', 'placed.to_at') }} as {{ type_amount() }}))
            as {{ type_double() }}
        ) / 60 as calendar_minutes,
        cast(sum(ends.open_seconds - starts.open_seconds) as {{ type_double() }}) / 60 as business_minutes
    from placed
    left join elapsed as starts
        on placed.calendar_id = starts.calendar_id and placed.from_at = starts.moment_at
    left join elapsed as ends
        on placed.calendar_id = ends.calendar_id and placed.to_at = ends.moment_at
    group by
        placed.ticket_id, placed.wait_kind, placed.wait_number, placed.team_id, placed.calendar_id, placed.counted_at,
        placed.is_over, placed.is_running
)

select * from final
