{#
  Everything as of a moment, from the changelog: what was in the sprint at its start, at its end, and the estimate
  then. What changed in the very second of the start or the end counts as before it.
#}
with

sprints as (
    select
        sprint_id,
        started_at,
        completed_at,
        coalesce(completed_at, {{ now_utc() }}) as ended_at
    from {{ ref('int_delivery__sprints_unioned') }}
    where
        started_at <= {{ now_utc() }}
        and state <> 'future'
),

memberships as (
    select * from {{ ref('int_delivery__sprint_memberships') }}
),

field_spans as (
    select * from {{ ref('int_delivery__field_spans') }}
),

status_spans as (
    select * from {{ ref('fct_status_spans') }}
),

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
    where work_item_level <> 'sub_task'
),

stays as (
    -- the stays that touch the sprint between its start and its end
    select
        sprints.sprint_id,
        sprints.started_at as sprint_started_at,
        sprints.completed_at as sprint_completed_at,
        sprints.ended_at as sprint_ended_at,
        memberships.work_item_id,
        memberships.joined_at,
        memberships.left_at,
        memberships.joined_at <= sprints.started_at as is_committed,
        coalesce(memberships.left_at > sprints.ended_at, true) as is_in_at_end
    from memberships
    inner join sprints on memberships.sprint_id = sprints.sprint_id
    inner join work_items on memberships.work_item_id = work_items.work_item_id
    where
        memberships.joined_at <= sprints.ended_at
        and coalesce(memberships.left_at > sprints.started_at, true)
),

items as (
    select
        sprint_id,
        work_item_id,
        sprint_started_at,
        sprint_completed_at,
        sprint_ended_at,
        min(joined_at) as added_at,
        max(left_at) as last_left_at,
        max(case when is_committed then 1 else 0 end) = 1 as was_committed,
        max(case when is_in_at_end then 1 else 0 end) = 1 as was_in_at_end
    from stays
    group by sprint_id, work_item_id, sprint_started_at, sprint_completed_at, sprint_ended_at
),

entered as (
    select
        items.*,
        case when items.was_committed then items.sprint_started_at else items.added_at end as entered_at
    from items
),

points as (
    select
        work_item_id,
        {{ dbt.safe_cast('field_value', type_double()) }} as story_points,
        started_at,
        ended_at
    from field_spans
    where field_name = 'story_points'
),

final as (
    select
        entered.sprint_id,
        entered.work_item_id,
        entered.added_at,
        case when not entered.was_in_at_end then entered.last_left_at end as removed_at,
        entered.was_committed,
        not entered.was_committed as was_added_after_start,
        not entered.was_in_at_end as was_removed_after_start,
        entered.was_in_at_end and status_spans.status_category = 'done' as was_completed,
        entered.was_in_at_end
        and status_spans.status_category <> 'done'
        and entered.sprint_completed_at is not null as was_carried_over,
        points_at_start.story_points as points_at_start,
        points_at_end.story_points as points_at_end
    from entered
    inner join status_spans
        on
            entered.work_item_id = status_spans.work_item_id
            and entered.sprint_ended_at >= status_spans.started_at
            and coalesce(entered.sprint_ended_at < status_spans.ended_at, true)
    left join points as points_at_start
        on
            entered.work_item_id = points_at_start.work_item_id
            and entered.entered_at >= points_at_start.started_at
            and coalesce(entered.entered_at < points_at_start.ended_at, true)
    left join points as points_at_end
        on
            entered.work_item_id = points_at_end.work_item_id
            and entered.sprint_ended_at >= points_at_end.started_at
            and coalesce(entered.sprint_ended_at < points_at_end.ended_at, true)
)

select * from final
