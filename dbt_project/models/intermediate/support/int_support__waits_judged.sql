{#
  Whether customers got an answer or a solution as soon as the company promises: one row per wait that a governed
  target is about. The target is that of the priority as the ticket had it then: a wait is missed at the first moment
  at which it is longer than the target of that moment, so that a priority raised later judges all of the wait, and one
  lowered later repairs nothing. A target of a priority that is in force when the wait begins counts before one for all.
  What is not over and not too long yet is judged by nobody: `is_attained` is null. A ticket solved without an answer
  ends the wait as an answer does. Merged tickets are answered in another, and not judged.
#}
with

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

waits as (
    select
        waits.ticket_id,
        waits.wait_kind,
        waits.wait_number,
        waits.calendar_id,
        waits.from_at,
        waits.to_at,
        waits.is_running,
        {{ to_local_date('waits.from_at') }} as from_on
    from {{ ref('int_support__ticket_waits') }} as waits
    inner join tickets on waits.ticket_id = tickets.ticket_id
    where waits.wait_kind in ('first_reply', 'next_reply', 'full_resolution') and not tickets.is_merged
),

priority_spans as (
    select * from {{ ref('int_support__ticket_priority_spans') }}
),

team_spans as (
    select * from {{ ref('int_support__ticket_team_spans') }}
),

windows as (
    select * from {{ ref('int_support__business_windows') }}
),

targets as (
    select
        metric,
        priority,
        target_minutes,
        time_kind,
        coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('2999-01-01' as date)) as valid_to
    from {{ ref('stg_governance__sla_targets') }}
),

-- Each wait under each priority that the ticket had meanwhile, up to the end of that.
stretches as (
    select
        waits.ticket_id,
        waits.wait_kind,
        waits.wait_number,
        waits.calendar_id,
        waits.from_at,
        waits.from_on,
        waits.to_at,
        waits.is_running,
        priority_spans.span_number,
        priority_spans.priority,
        priority_spans.started_at,
        case when priority_spans.ended_at < waits.to_at then priority_spans.ended_at else waits.to_at end as checked_at
    from waits
    inner join priority_spans
        on
            waits.ticket_id = priority_spans.ticket_id
            and waits.to_at >= priority_spans.started_at
            and waits.from_at < priority_spans.ended_at
            and priority_spans.ended_at > priority_spans.started_at
),

targeted as (
    select
        stretches.*,
        targets.target_minutes,
        targets.time_kind,
        row_number() over (
            partition by stretches.ticket_id, stretches.wait_kind, stretches.wait_number, stretches.span_number
            order by case when targets.priority is null then 1 else 0 end, targets.valid_from desc
        ) as choice
    from stretches
    left join targets
        on
            stretches.wait_kind = targets.metric
            and (targets.priority is null or lower(stretches.priority) = targets.priority)
            and stretches.from_on >= targets.valid_from
            and stretches.from_on < targets.valid_to
),

moments as (
    select calendar_id, from_at as moment_at from targeted
    where time_kind = 'business'
    union
    select calendar_id, checked_at as moment_at from targeted
    where time_kind = 'business'
),

elapsed as (
    {{ open_seconds_until('moments', 'windows') }}
),

measured as (
    select
        targeted.*,
        begun.open_seconds + targeted.target_minutes * 60 as due_open_seconds,
        case
            when targeted.time_kind = 'business' then passed.open_seconds - begun.open_seconds
            when targeted.time_kind = 'calendar'
                then cast({{ seconds_between('targeted.from_at', 'targeted.checked_at') }} as {{ type_amount() }})
        end as waited_seconds
    from targeted
    left join elapsed as begun
        on
            targeted.time_kind = 'business'
            and targeted.calendar_id = begun.calendar_id
            and targeted.from_at = begun.moment_at
    left join elapsed as passed
        on
            targeted.time_kind = 'business'
            and targeted.calendar_id = passed.calendar_id
            and targeted.checked_at = passed.moment_at
    where targeted.choice = 1
),

compared as (
    select
        measured.*,
        coalesce(measured.waited_seconds > measured.target_minutes * 60, false) as is_missed
    from measured
),

-- The first priority under which it was too long, else the last one.
chosen as (
    select *
    from (
        select
            compared.*,
            row_number() over (
                partition by compared.ticket_id, compared.wait_kind, compared.wait_number
                order by
                    case when compared.is_missed then 0 else 1 end,
                    case when compared.is_missed then compared.span_number else -compared.span_number end
            ) as event_number
        from compared
    ) as numbered
    where event_number = 1 and target_minutes is not null
),

-- When a missed target was due.
due as (
    select
        chosen.*,
        case
            when not chosen.is_missed then null
            when chosen.time_kind = 'calendar'
                then {{ dbt.dateadd('minute', 'cast(chosen.target_minutes as int)', 'chosen.from_at') }}
            else {{ dbt.dateadd(
                'second', 'cast(chosen.due_open_seconds - windows.seconds_before as int)', 'windows.starts_at'
            ) }}
        end as due_at
    from chosen
    left join windows
        on
            chosen.is_missed
            and chosen.time_kind = 'business'
            and chosen.calendar_id = windows.calendar_id
            and chosen.due_open_seconds > windows.seconds_before
            and chosen.due_open_seconds <= windows.seconds_before + windows.duration_seconds
),

judged as (
    select
        due.*,
        case
            when due.is_missed then false
            when due.is_running or due.waited_seconds is null then null
            else true
        end as is_attained,
        case
            when due.is_missed and due.due_at < due.started_at then due.started_at
            when due.is_missed then due.due_at
            when not due.is_running and due.waited_seconds is not null then due.to_at
        end as judged_at
    from due
),

final as (
    select
        judged.ticket_id,
        judged.wait_kind,
        judged.wait_number,
        judged.priority,
        judged.target_minutes,
        judged.time_kind,
        judged.is_attained,
        judged.judged_at,
        team_spans.team_id
    from judged
    left join team_spans
        on
            judged.ticket_id = team_spans.ticket_id
            and judged.judged_at >= team_spans.started_at
            and judged.judged_at < team_spans.ended_at
)

select * from final
