{#
  When a ticket joins a backlog (1) and leaves it (-1), on the company's day: that of all ('all') while it is not
  solved, and that of a team while it is open and there.
#}
with

tickets as (
    select
        ticket_id,
        account_id,
        segment
    from {{ ref('fct_tickets') }}
),

team_spans as (
    select * from {{ ref('int_support__ticket_team_spans') }}
    where team_id is not null
),

status_spans as (
    select
        ticket_id,
        started_at,
        coalesce(ended_at, cast('2999-01-01' as timestamp)) as ended_at
    from {{ ref('int_support__ticket_status_spans') }}
    where not is_resolved
),

open_stretches as (
    select
        ticket_id,
        'all' as team_id,
        started_at,
        ended_at
    from status_spans
    union all
    select
        status_spans.ticket_id,
        team_spans.team_id,
        case
            when status_spans.started_at > team_spans.started_at then status_spans.started_at
            else team_spans.started_at
        end as started_at,
        case
            when status_spans.ended_at < team_spans.ended_at then status_spans.ended_at
            else team_spans.ended_at
        end as ended_at
    from status_spans
    inner join team_spans
        on
            status_spans.ticket_id = team_spans.ticket_id
            and status_spans.started_at < team_spans.ended_at
            and status_spans.ended_at > team_spans.started_at
),

steps as (
    select
        ticket_id,
        team_id,
        {{ to_local_date('started_at') }} as date_on,
        1 as step
    from open_stretches
    union all
    select
        ticket_id,
        team_id,
        {{ to_local_date('ended_at') }} as date_on,
        -1 as step
    from open_stretches
    where ended_at <= {{ now_utc() }}
),

final as (
    select
        steps.ticket_id,
        tickets.account_id,
        tickets.segment,
        steps.team_id,
        steps.date_on,
        steps.step
    from steps
    inner join tickets on steps.ticket_id = tickets.ticket_id
)

select * from final
