with

stretches as (
    select
        stretches.team_id,
        stretches.started_at,
        coalesce(stretches.ended_at, {{ now_utc() }}) as ended_at
    from {{ ref('int_delivery__work_item_stretches') }} as stretches
    where
        stretches.work_item_level in ('standard', 'sub_task')
        and stretches.is_blocked
),

events as (
    select
        events.*,
        {{ start_of('week', 'events.happened_on') }} as week_start_on
    from {{ ref('int_delivery__flow_events') }} as events
),

flow_days as (
    select
        team_id,
        {{ start_of('week', 'date_on') }} as week_start_on
    from {{ ref('mart_delivery__flow_daily') }}
),

scoped_events as (
    select
        team_id, week_start_on, event_kind, lead_time_days, cycle_time_days, active_hours, waiting_hours
    from events
    where team_id is not null
    union all
    select
        'all' as team_id, week_start_on, event_kind, lead_time_days, cycle_time_days, active_hours, waiting_hours
    from events
),

scoped_stretches as (
    select team_id, started_at, ended_at
    from stretches
    where team_id is not null
    union all
    select 'all' as team_id, started_at, ended_at
    from stretches
),

team_weeks as (
    -- a local week has 167 or 169 hours when the clocks change: its ends are two moments
    select
        weeks.team_id,
        weeks.week_start_on,
        {{ from_local('cast(weeks.week_start_on as timestamp)') }} as week_starts_at,
        {{ from_local('cast(' ~ add_days('weeks.week_start_on', 7) ~ ' as timestamp)') }} as week_ends_at
    from (
        select distinct
            team_id,
            week_start_on
        from flow_days
    ) as weeks
),

counts as (
    select
        team_id,
        week_start_on,
        sum(case when event_kind = 'arrived' then 1 else 0 end) as arrival_count,
        sum(case when event_kind = 'done' then 1 else 0 end) as throughput_count,
        sum(case when event_kind = 'reopened' then 1 else 0 end) as reopened_count
    from scoped_events
    group by team_id, week_start_on
),

done as (
    select
        team_id,
        week_start_on,
        {{ percentile('lead_time_days', 0.5) }} as lead_time_p50_days,
        {{ percentile('lead_time_days', 0.85) }} as lead_time_p85_days,
        {{ percentile('lead_time_days', 0.95) }} as lead_time_p95_days,
        {{ percentile('cycle_time_days', 0.5) }} as cycle_time_p50_days,
        {{ percentile('cycle_time_days', 0.85) }} as cycle_time_p85_days,
        {{ percentile('cycle_time_days', 0.95) }} as cycle_time_p95_days,
        {{ stable_sum('active_hours') }} as active_hours,
        {{ stable_sum('waiting_hours') }} as waiting_hours
    from scoped_events
    where event_kind = 'done'
    group by team_id, week_start_on
),

blocked as (
    select
        team_weeks.team_id,
        team_weeks.week_start_on,
        {{ stable_sum(
            seconds_between(
                later_of(['scoped_stretches.started_at', 'team_weeks.week_starts_at']),
                earlier_of(['scoped_stretches.ended_at', 'team_weeks.week_ends_at'])
            ) ~ ' / 3600'
        ) }} as blocked_hours
    from team_weeks
    inner join scoped_stretches
        on
            team_weeks.team_id = scoped_stretches.team_id
            and team_weeks.week_ends_at > scoped_stretches.started_at
            and team_weeks.week_starts_at < scoped_stretches.ended_at
    group by team_weeks.team_id, team_weeks.week_start_on
),

final as (
    select
        team_weeks.week_start_on,
        team_weeks.team_id,
        cast(coalesce(counts.arrival_count, 0) as bigint) as arrival_count,
        cast(coalesce(counts.throughput_count, 0) as bigint) as throughput_count,
        cast(coalesce(counts.reopened_count, 0) as bigint) as reopened_count,
        cast(coalesce(counts.arrival_count, 0) - coalesce(counts.throughput_count, 0) as bigint) as net_flow_count,
        done.lead_time_p50_days,
        done.lead_time_p85_days,
        done.lead_time_p95_days,
        done.cycle_time_p50_days,
        done.cycle_time_p85_days,
        done.cycle_time_p95_days,
        {{ ratio('done.active_hours', 'done.active_hours + done.waiting_hours') }} as flow_efficiency_ratio,
        coalesce(blocked.blocked_hours, 0) as blocked_hours,
        {{ add_days('team_weeks.week_start_on', 7) }} <= {{ today() }} as is_complete
    from team_weeks
    left join counts
        on team_weeks.team_id = counts.team_id and team_weeks.week_start_on = counts.week_start_on
    left join done on team_weeks.team_id = done.team_id and team_weeks.week_start_on = done.week_start_on
    left join blocked on team_weeks.team_id = blocked.team_id and team_weeks.week_start_on = blocked.week_start_on
)

select * from final
