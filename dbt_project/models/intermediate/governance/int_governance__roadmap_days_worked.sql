{# Work belongs to the nearest roadmap item above it: its epic, else its initiative. #}
with

days_worked as (
    select * from {{ ref('int_delivery__team_days_worked') }}
),

roadmap_items as (
    select work_item_id from {{ ref('mart_governance__traceability') }}
),

nearest as (
    select
        work_item_id,
        roadmap_item_id
    from (
        select
            ancestors.work_item_id,
            ancestors.ancestor_work_item_id as roadmap_item_id,
            row_number() over (partition by ancestors.work_item_id order by ancestors.distance) as nearness
        from {{ ref('int_delivery__work_item_ancestors') }} as ancestors
        where ancestors.ancestor_level in ('epic', 'initiative')
    ) as ranked
    where nearness = 1
),

final as (
    select
        nearest.roadmap_item_id,
        days_worked.work_item_id,
        days_worked.assignee_id,
        days_worked.team_id,
        days_worked.date_on,
        days_worked.month_start_on,
        days_worked.people_days
    from days_worked
    inner join nearest on days_worked.work_item_id = nearest.work_item_id
    inner join roadmap_items on nearest.roadmap_item_id = roadmap_items.work_item_id
)

select * from final
