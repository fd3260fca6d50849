with

sprints as (
    select * from {{ ref('int_delivery__sprints_unioned') }}
    where
        started_at <= {{ now_utc() }}
        and state <> 'future'
),

sprint_items as (
    select * from {{ ref('fct_sprint_items') }}
),

sums as (
    select
        sprint_id,
        sum(case when was_committed then 1 else 0 end) as committed_item_count,
        sum(case when was_committed then points_at_start else 0 end) as committed_points,
        sum(case when was_added_after_start then 1 else 0 end) as added_item_count,
        sum(case when was_added_after_start then points_at_start else 0 end) as added_points,
        sum(case when was_removed_after_start then 1 else 0 end) as removed_item_count,
        sum(case when was_removed_after_start then points_at_end else 0 end) as removed_points,
        sum(case when was_completed then 1 else 0 end) as completed_item_count,
        sum(case when was_completed then points_at_end else 0 end) as completed_points,
        sum(case when was_carried_over then 1 else 0 end) as carried_over_item_count,
        sum(case when was_carried_over then points_at_end else 0 end) as carried_over_points,
        sum(case when was_committed and was_completed then 1 else 0 end) as completed_committed_item_count
    from sprint_items
    group by sprint_id
),

final as (
    select
        sprints.sprint_id,
        sprints.sprint_name,
        sprints.board_id,
        sprints.team_id,
        sprints.state,
        sprints.started_at,
        sprints.planned_end_at,
        sprints.completed_at,
        {{ to_local_date('sprints.completed_at') }} as completed_on,
        cast(coalesce(sums.committed_item_count, 0) as bigint) as committed_item_count,
        cast(coalesce(sums.committed_points, 0) as {{ type_double() }}) as committed_points,
        cast(coalesce(sums.added_item_count, 0) as bigint) as added_item_count,
        cast(coalesce(sums.added_points, 0) as {{ type_double() }}) as added_points,
        cast(coalesce(sums.removed_item_count, 0) as bigint) as removed_item_count,
        cast(coalesce(sums.removed_points, 0) as {{ type_double() }}) as removed_points,
        cast(coalesce(sums.completed_item_count, 0) as bigint) as completed_item_count,
        cast(coalesce(sums.completed_points, 0) as {{ type_double() }}) as completed_points,
        cast(coalesce(sums.carried_over_item_count, 0) as bigint) as carried_over_item_count,
        cast(coalesce(sums.carried_over_points, 0) as {{ type_double() }}) as carried_over_points,
        {{ ratio('sums.completed_committed_item_count', 'sums.committed_item_count') }} as planning_accuracy_ratio,
        {{ ratio('sums.completed_points', 'sums.committed_points') }} as capacity_accuracy_ratio
    from sprints
    left join sums on sprints.sprint_id = sums.sprint_id
)

select * from final
