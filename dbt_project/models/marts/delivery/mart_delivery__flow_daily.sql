{#
  Counts at a day's end are running sums of what entered and left a category, so that the days are never joined with
  all items; only items in progress are looked at day by day, for their age.
#}
with

stretches as (
    select
        stretches.*,
        {{ to_local_date('stretches.started_at') }} as started_on,
        {{ to_local_date('stretches.ended_at') }} as ended_on
    from {{ ref('int_delivery__work_item_stretches') }} as stretches
    where stretches.work_item_level in ('standard', 'sub_task')
),

events as (
    select * from {{ ref('int_delivery__flow_events') }}
),

work_items as (
    select
        work_item_id,
        started_at
    from {{ ref('fct_work_items') }}
),

-- 'all' beside the teams; an item without a team is only there
scoped_stretches as (
    select work_item_id, team_id, status_category, started_on, ended_on
    from stretches
    where team_id is not null
    union all
    select work_item_id, 'all' as team_id, status_category, started_on, ended_on
    from stretches
),

scoped_events as (
    select team_id, event_kind, happened_on, cycle_time_days
    from events
    where team_id is not null
    union all
    select 'all' as team_id, event_kind, happened_on, cycle_time_days
    from events
),

days as (
    {{ date_spine("(select min(stretches.started_on) from stretches)", today()) }}
),

team_days as (
    select
        days.date_on,
        teams.team_id,
        case
            when days.date_on < {{ today() }}
                then {{ from_local('cast(' ~ add_days('days.date_on', 1) ~ ' as timestamp)') }}
            else {{ now_utc() }}
        end as day_ends_at
    from days
    cross join (select distinct team_id from scoped_stretches) as teams
),

steps as (
    select team_id, status_category, started_on as date_on, 1 as step
    from scoped_stretches
    union all
    select team_id, status_category, ended_on as date_on, -1 as step
    from scoped_stretches
    where ended_on is not null
),

changes as (
    select
        team_id,
        date_on,
        sum(case when status_category = 'to_do' then step else 0 end) as to_do_change,
        sum(case when status_category = 'in_progress' then step else 0 end) as wip_change,
        sum(case when status_category = 'done' then step else 0 end) as done_change
    from steps
    group by team_id, date_on
),

counts as (
    select
        team_id,
        happened_on as date_on,
        sum(case when event_kind = 'arrived' then 1 else 0 end) as arrival_count,
        sum(case when event_kind = 'done' then 1 else 0 end) as throughput_count,
        sum(case when event_kind = 'reopened' then 1 else 0 end) as reopened_count
    from scoped_events
    group by team_id, happened_on
),

cycle_times as (
    select
        team_days.team_id,
        team_days.date_on,
        {{ percentile('scoped_events.cycle_time_days', 0.5) }} as cycle_time_p50_days,
        {{ percentile('scoped_events.cycle_time_days', 0.85) }} as cycle_time_p85_days,
        {{ percentile('scoped_events.cycle_time_days', 0.95) }} as cycle_time_p95_days
    from team_days
    inner join scoped_events
        on
            team_days.team_id = scoped_events.team_id
            and scoped_events.happened_on <= team_days.date_on
            and scoped_events.happened_on > {{ add_days('team_days.date_on', -90) }}
    where
        scoped_events.event_kind = 'done'
        and scoped_events.cycle_time_days is not null
    group by team_days.team_id, team_days.date_on
),

wip as (
    select
        team_days.team_id,
        team_days.date_on,
        {{ seconds_between('work_items.started_at', 'team_days.day_ends_at') }} / 86400 as age_days
    from team_days
    inner join scoped_stretches
        on
            team_days.team_id = scoped_stretches.team_id
            and scoped_stretches.started_on <= team_days.date_on
            and coalesce(scoped_stretches.ended_on > team_days.date_on, true)
    inner join work_items on scoped_stretches.work_item_id = work_items.work_item_id
    where scoped_stretches.status_category = 'in_progress'
),

wip_ages as (
    select
        wip.team_id,
        wip.date_on,
        {{ percentile('wip.age_days', 0.5) }} as wip_age_p50_days,
        {{ percentile('wip.age_days', 0.85) }} as wip_age_p85_days,
        {{ percentile('wip.age_days', 0.95) }} as wip_age_p95_days,
        sum(case when wip.age_days > cycle_times.cycle_time_p85_days then 1 else 0 end) as aged_wip_count
    from wip
    left join cycle_times on wip.team_id = cycle_times.team_id and wip.date_on = cycle_times.date_on
    group by wip.team_id, wip.date_on
),

final as (
    select
        team_days.date_on,
        team_days.team_id,
        {%- for name in ['to_do', 'wip', 'done'] %}
        cast(
            sum(coalesce(changes.{{ name }}_change, 0)) over (
                partition by team_days.team_id order by team_days.date_on rows unbounded preceding
            ) as bigint
        ) as {{ name }}_count,
        {%- endfor %}
        cast(coalesce(counts.arrival_count, 0) as bigint) as arrival_count,
        cast(coalesce(counts.throughput_count, 0) as bigint) as throughput_count,
        cast(coalesce(counts.reopened_count, 0) as bigint) as reopened_count,
        cast(coalesce(counts.arrival_count, 0) - coalesce(counts.throughput_count, 0) as bigint) as net_flow_count,
        wip_ages.wip_age_p50_days,
        wip_ages.wip_age_p85_days,
        wip_ages.wip_age_p95_days,
        cycle_times.cycle_time_p50_days,
        cycle_times.cycle_time_p85_days,
        cycle_times.cycle_time_p95_days,
        case
            when cycle_times.cycle_time_p85_days is not null
                then cast(coalesce(wip_ages.aged_wip_count, 0) as bigint)
        end as aged_wip_count,
        team_days.date_on < {{ today() }} as is_complete
    from team_days
    left join changes on team_days.team_id = changes.team_id and team_days.date_on = changes.date_on
    left join counts on team_days.team_id = counts.team_id and team_days.date_on = counts.date_on
    left join cycle_times on team_days.team_id = cycle_times.team_id and team_days.date_on = cycle_times.date_on
    left join wip_ages on team_days.team_id = wip_ages.team_id and team_days.date_on = wip_ages.date_on
)

select * from final
