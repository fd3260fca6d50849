with

releases as (
    select * from {{ ref('int_delivery__releases_unioned') }}
),

work_item_releases as (
    select * from {{ ref('int_delivery__work_item_releases_unioned') }}
),

work_items as (
    select * from {{ ref('fct_work_items') }}
),

counts as (
    select
        work_item_releases.release_id,
        count(*) as work_item_count,
        sum(case when work_items.status_category = 'done' then 1 else 0 end) as done_work_item_count
    from work_item_releases
    inner join work_items on work_item_releases.work_item_id = work_items.work_item_id
    group by work_item_releases.release_id
),

final as (
    select
        releases.release_id,
        releases.release_name,
        releases.project_key,
        releases.team_id,
        releases.started_on,
        case when releases.is_released then releases.release_on end as released_on,
        releases.is_released,
        releases.is_archived,
        cast(coalesce(counts.work_item_count, 0) as bigint) as work_item_count,
        cast(coalesce(counts.done_work_item_count, 0) as bigint) as done_work_item_count
    from releases
    left join counts on releases.release_id = counts.release_id
)

select * from final
