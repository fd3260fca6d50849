with

events as (
    select * from {{ ref('int_support__ticket_events') }}
),

backlog_steps as (
    select * from {{ ref('int_support__backlog_steps') }}
),

active as (
    select
        date_on,
        segment,
        active_account_28d_count
    from {{ ref('mart_metric__active_daily') }}
),

days as (
    {{ date_spine('(select min(events.date_on) from events)', today()) }}
),

periods as (
    select
        'day' as period_unit,
        date_on as starts_on,
        date_on as ends_on
    from days
    union all
    -- The current week ends today, so far.
    select
        'week' as period_unit,
        {{ start_of('week', 'date_on') }} as starts_on,
        max(date_on) as ends_on
    from days
    group by {{ start_of('week', 'date_on') }}
),

segment_names as (
    select distinct segment from {{ ref('int_crm__account_segment_spans') }}
    union all
    select 'all' as segment
),

team_names as (
    select distinct team_id from {{ ref('int_support__ticket_team_spans') }}
    where team_id is not null
    union all
    select 'all' as team_id
),

cells as (
    select
        periods.period_unit,
        periods.starts_on,
        periods.ends_on,
        team_names.team_id,
        segment_names.segment
    from periods
    cross join team_names
    cross join segment_names
),

-- Each in its team and in all, in its segment and in all, on its day and in its week.
events_by_team as (
    select
        event_kind,
        segment,
        team_id,
        date_on,
        of_account,
        of_one_touch,
        of_reopened,
        calendar_minutes,
        business_minutes
    from events
    where team_id is not null
    union all
    select
        event_kind,
        segment,
        'all' as team_id,
        date_on,
        of_account,
        of_one_touch,
        of_reopened,
        calendar_minutes,
        business_minutes
    from events
),

events_by_segment as (
    select * from events_by_team
    where segment is not null
    union all
    select
        event_kind,
        'all' as segment,
        team_id,
        date_on,
        of_account,
        of_one_touch,
        of_reopened,
        calendar_minutes,
        business_minutes
    from events_by_team
),

events_by_period as (
    select
        'day' as period_unit,
        date_on as starts_on,
        events_by_segment.*
    from events_by_segment
    union all
    select
        'week' as period_unit,
        {{ start_of('week', 'date_on') }} as starts_on,
        events_by_segment.*
    from events_by_segment
),

counted as (
    select
        period_unit,
        starts_on,
        team_id,
        segment,
        {{ support_sums() }}
    from events_by_period
    group by period_unit, starts_on, team_id, segment
),

backlog_steps_by_segment as (
    select segment, team_id, date_on, step
    from backlog_steps
    where segment is not null
    union all
    select 'all' as segment, team_id, date_on, step
    from backlog_steps
),

backlog_changes as (
    select
        segment,
        team_id,
        date_on,
        sum(step) as change
    from backlog_steps_by_segment
    group by segment, team_id, date_on
),

backlog as (
    select
        cells.starts_on as date_on,
        cells.team_id,
        cells.segment,
        sum(coalesce(backlog_changes.change, 0)) over (
            partition by cells.team_id, cells.segment order by cells.starts_on
        ) as ticket_count
    from cells
    left join backlog_changes
        on
            cells.starts_on = backlog_changes.date_on
            and cells.team_id = backlog_changes.team_id
            and cells.segment = backlog_changes.segment
    where cells.period_unit = 'day'
),

final as (
    select
        cells.period_unit,
        cells.starts_on,
        cells.team_id,
        cells.segment,
        {{ support_columns('counted') }},
        cast(backlog.ticket_count as bigint) as backlog_ticket_count,
        cast(coalesce(counted.account_ticket_count, 0) as bigint) as account_ticket_count,
        active.active_account_28d_count as active_account_count,
        {{ ratio('coalesce(counted.account_ticket_count, 0)', 'active.active_account_28d_count') }} as contact_ratio,
        case
            when cells.period_unit = 'day' then cells.starts_on < {{ today() }}
            else {{ add_days('cells.starts_on', 7) }} <= {{ today() }}
        end as is_complete
    from cells
    left join counted
        on
            cells.period_unit = counted.period_unit
            and cells.starts_on = counted.starts_on
            and cells.team_id = counted.team_id
            and cells.segment = counted.segment
    -- Every cell has its day. A left join, because of an inner one PostgreSQL expects a single row.
    left join backlog
        on
            cells.ends_on = backlog.date_on
            and cells.team_id = backlog.team_id
            and cells.segment = backlog.segment
    left join active on cells.ends_on = active.date_on and cells.segment = active.segment
)

select * from final
