{# Sub-task, standard, epic, initiative: three steps up are all there is, so no recursion. #}
with

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

parents as (
    select
        children.work_item_id,
        children.parent_work_item_id
    from work_items as children
    inner join work_items as parents on children.parent_work_item_id = parents.work_item_id
),

closure as (
    select
        work_item_id,
        work_item_id as ancestor_work_item_id,
        cast(0 as bigint) as distance
    from work_items
    union all
    select
        work_item_id,
        parent_work_item_id as ancestor_work_item_id,
        cast(1 as bigint) as distance
    from parents
    union all
    select
        parents.work_item_id,
        grandparents.parent_work_item_id as ancestor_work_item_id,
        cast(2 as bigint) as distance
    from parents
    inner join parents as grandparents on parents.parent_work_item_id = grandparents.work_item_id
    union all
    select
        parents.work_item_id,
        great_grandparents.parent_work_item_id as ancestor_work_item_id,
        cast(3 as bigint) as distance
    from parents
    inner join parents as grandparents on parents.parent_work_item_id = grandparents.work_item_id
    inner join parents as great_grandparents on grandparents.parent_work_item_id = great_grandparents.work_item_id
),

final as (
    select
        closure.work_item_id,
        closure.ancestor_work_item_id,
        work_items.work_item_level as ancestor_level,
        closure.distance
    from closure
    inner join work_items on closure.ancestor_work_item_id = work_items.work_item_id
)

select * from final
