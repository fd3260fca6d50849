with

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

status_spans as (
    select * from {{ ref('fct_status_spans') }}
),

ancestors as (
    select * from {{ ref('int_delivery__work_item_ancestors') }}
),

delivery_items as (
    select * from {{ ref('int_delivery__delivery_items') }}
),

people_days as (
    select
        work_item_id,
        {{ stable_sum('people_days') }} as people_days
    from {{ ref('int_delivery__people_days') }}
    group by work_item_id
),

stretches as (
    select
        work_item_id,
        status_category,
        status_kind,
        is_blocked,
        started_at,
        {{ seconds_between('started_at', 'coalesce(ended_at, ' ~ now_utc() ~ ')') }} / 3600 as duration_hours
    from {{ ref('int_delivery__work_item_stretches') }}
),

sprint_memberships as (
    select * from {{ ref('int_delivery__sprint_memberships') }}
    where left_at is null
),

sprints as (
    select * from {{ ref('int_delivery__sprints_unioned') }}
),

work_item_releases as (
    select * from {{ ref('int_delivery__work_item_releases_unioned') }}
),

releases as (
    select * from {{ ref('int_delivery__releases_unioned') }}
),

dates as (
    select
        date_on,
        working_day_index
    from {{ ref('dim_dates') }}
),

current_spans as (
    select * from status_spans
    where is_current
),

steps as (
    select
        work_item_id,
        started_at,
        status_category,
        lag(status_category) over (partition by work_item_id order by span_number) as previous_category
    from status_spans
),

milestones as (
    -- the last entry into done is the start of the last uninterrupted stretch: moves within done are no entries
    select
        work_item_id,
        min(case when status_category = 'in_progress' then started_at end) as started_at,
        max(
            case when status_category = 'done' and coalesce(previous_category, '') <> 'done' then started_at end
        ) as last_done_at,
        sum(
            case when status_category <> 'done' and previous_category = 'done' then 1 else 0 end
        ) as reopened_count
    from steps
    group by work_item_id
),

hours as (
    select
        stretches.work_item_id,
        {{ stable_sum(
            "case when stretches.status_kind = 'active' then stretches.duration_hours else 0 end"
        ) }} as active_hours,
        {{ stable_sum(
            "case when stretches.status_kind in ('queue', 'blocked') then stretches.duration_hours else 0 end"
        ) }} as waiting_hours,
        {{ stable_sum(
            "case when stretches.status_kind in ('queue', 'blocked') and stretches.started_at >= milestones.started_at"
            ~ " then stretches.duration_hours else 0 end"
        ) }} as waiting_after_start_hours,
        {{ stable_sum(
            "case when stretches.status_kind = 'active' and stretches.started_at >= milestones.started_at"
            ~ " then stretches.duration_hours else 0 end"
        ) }} as active_after_start_hours,
        {{ stable_sum("case when stretches.is_blocked then stretches.duration_hours else 0 end") }} as blocked_hours
    from stretches
    inner join milestones on stretches.work_item_id = milestones.work_item_id
    group by stretches.work_item_id
),

epics as (
    -- an epic is its own
    select
        work_item_id,
        ancestor_work_item_id as epic_work_item_id
    from (
        select
            work_item_id,
            ancestor_work_item_id,
            row_number() over (partition by work_item_id order by distance) as nearness
        from ancestors
        where ancestor_level = 'epic'
    ) as ranked
    where nearness = 1
),

parents as (
    -- a parent that was deleted is none
    select
        work_item_id,
        ancestor_work_item_id as parent_work_item_id
    from ancestors
    where distance = 1
),

latest_sprints as (
    select
        work_item_id,
        sprint_id
    from (
        select
            sprint_memberships.work_item_id,
            sprint_memberships.sprint_id,
            row_number() over (
                partition by sprint_memberships.work_item_id
                order by
                    coalesce(sprints.started_at, sprints.planned_end_at, {{ now_utc() }}) desc,
                    length(sprint_memberships.sprint_id) desc,
                    sprint_memberships.sprint_id desc
            ) as recency
        from sprint_memberships
        inner join sprints on sprint_memberships.sprint_id = sprints.sprint_id
    ) as ranked
    where recency = 1
),

latest_releases as (
    -- a version without a date is still to come
    select
        work_item_id,
        release_id
    from (
        select
            work_item_releases.work_item_id,
            work_item_releases.release_id,
            row_number() over (
                partition by work_item_releases.work_item_id
                order by
                    case when releases.release_on is null then 0 else 1 end,
                    releases.release_on desc,
                    length(work_item_releases.release_id) desc,
                    work_item_releases.release_id desc
            ) as recency
        from work_item_releases
        inner join releases on work_item_releases.release_id = releases.release_id
    ) as ranked
    where recency = 1
),

combined as (
    select
        work_items.work_item_id,
        work_items.work_item_key,
        work_items.project_key,
        work_items.team_id,
        work_items.work_item_type,
        work_items.work_item_level,
        parents.parent_work_item_id,
        epics.epic_work_item_id,
        delivery_items.delivery_id,
        work_items.status_name,
        current_spans.status_category,
        work_items.resolution,
        work_items.priority,
        work_items.assignee_person_key,
        work_items.reporter_person_key,
        work_items.story_points,
        work_items.created_at,
        milestones.started_at,
        case when current_spans.status_category = 'done' then milestones.last_done_at end as done_at,
        work_items.resolved_at,
        cast(milestones.reopened_count as bigint) as reopened_count,
        latest_releases.release_id,
        latest_sprints.sprint_id,
        work_items.is_flagged,
        (current_spans.status_category = 'done' and work_items.resolution is null)
        or (current_spans.status_category <> 'done' and work_items.resolution is not null)
        or current_spans.status_id <> work_items.status_id as has_status_conflict,
        coalesce(people_days.people_days, 0) as people_days,
        coalesce(hours.active_hours, 0) as active_hours,
        coalesce(hours.waiting_hours, 0) as waiting_hours,
        {{ ratio('hours.active_hours', 'hours.active_hours + hours.waiting_hours') }} as flow_efficiency_ratio,
        {{ ratio(
            'hours.active_after_start_hours', 'hours.active_after_start_hours + hours.waiting_after_start_hours'
        ) }} as cycle_flow_efficiency_ratio,
        coalesce(hours.blocked_hours, 0) as blocked_hours,
        case
            when current_spans.status_category = 'in_progress'
                then {{ seconds_between('milestones.started_at', now_utc()) }} / 86400
        end as wip_age_days,
        work_items.work_item_url
    from work_items
    inner join current_spans on work_items.work_item_id = current_spans.work_item_id
    inner join milestones on work_items.work_item_id = milestones.work_item_id
    left join hours on work_items.work_item_id = hours.work_item_id
    left join parents on work_items.work_item_id = parents.work_item_id
    left join epics on work_items.work_item_id = epics.work_item_id
    left join delivery_items on work_items.work_item_id = delivery_items.work_item_id
    left join latest_sprints on work_items.work_item_id = latest_sprints.work_item_id
    left join latest_releases on work_items.work_item_id = latest_releases.work_item_id
    left join people_days on work_items.work_item_id = people_days.work_item_id
),

final as (
    select
        combined.work_item_id,
        combined.work_item_key,
        combined.project_key,
        combined.team_id,
        combined.work_item_type,
        combined.work_item_level,
        combined.parent_work_item_id,
        combined.epic_work_item_id,
        combined.delivery_id,
        combined.status_name,
        combined.status_category,
        combined.resolution,
        combined.priority,
        combined.assignee_person_key,
        combined.reporter_person_key,
        combined.story_points,
        combined.created_at,
        {{ to_local_date('combined.created_at') }} as created_on,
        combined.started_at,
        combined.done_at,
        {{ to_local_date('combined.done_at') }} as done_on,
        combined.resolved_at,
        {{ seconds_between('combined.created_at', 'combined.done_at') }} / 86400 as lead_time_days,
        {{ seconds_between('combined.created_at', 'combined.resolved_at') }} / 86400 as lead_time_by_resolution_days,
        {{ seconds_between('combined.started_at', 'combined.done_at') }} / 86400 as cycle_time_days,
        cast(done_dates.working_day_index - created_dates.working_day_index as bigint) as lead_time_working_days,
        cast(done_dates.working_day_index - started_dates.working_day_index as bigint) as cycle_time_working_days,
        combined.reopened_count,
        combined.release_id,
        combined.sprint_id,
        combined.is_flagged,
        combined.has_status_conflict,
        combined.people_days,
        combined.active_hours,
        combined.waiting_hours,
        combined.flow_efficiency_ratio,
        combined.cycle_flow_efficiency_ratio,
        combined.blocked_hours,
        combined.wip_age_days,
        combined.work_item_url
    from combined
    left join dates as created_dates on {{ to_local_date('combined.created_at') }} = created_dates.date_on
    left join dates as started_dates on {{ to_local_date('combined.started_at') }} = started_dates.date_on
    left join dates as done_dates on {{ to_local_date('combined.done_at') }} = done_dates.date_on
)

select * from final
