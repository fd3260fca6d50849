{# What is a delivery, where it hangs in the tree, and when it reached customers. #}
with

delivery_items as (
    select * from {{ ref('int_delivery__delivery_items') }}
),

work_items as (
    select * from {{ ref('fct_work_items') }}
),

deliveries as (
    select * from {{ ref('stg_governance__deliveries') }}
),

cancelled_items as (
    select work_item_id
    from {{ ref('int_delivery__work_items_unioned') }}
    where is_cancelled
),

work_item_releases as (
    select * from {{ ref('int_delivery__work_item_releases_unioned') }}
),

releases as (
    select * from {{ ref('int_delivery__releases_unioned') }}
    where
        is_released
        and release_on is not null
),

roots as (
    -- where the delivery hangs in the tree: its epic, else the issues that governance names
    select
        delivery_items.delivery_id,
        delivery_items.origin,
        work_items.work_item_id,
        work_items.work_item_key,
        work_items.work_item_level,
        work_items.team_id,
        case when cancelled_items.work_item_id is null then work_items.done_at end as done_at,
        row_number() over (
            partition by delivery_items.delivery_id
            order by case when work_items.work_item_level = 'epic' then 0 else 1 end, work_items.work_item_id
        ) as root_number
    from delivery_items
    inner join work_items on delivery_items.work_item_id = work_items.work_item_id
    left join cancelled_items on delivery_items.work_item_id = cancelled_items.work_item_id
    where delivery_items.is_root
),

first_roots as (
    select * from roots
    where root_number = 1
),

shipped as (
    -- an item in two versions reached customers with the first
    select
        first_roots.delivery_id,
        min(releases.release_on) as released_on
    from first_roots
    inner join work_item_releases on first_roots.work_item_id = work_item_releases.work_item_id
    inner join releases on work_item_releases.release_id = releases.release_id
    group by first_roots.delivery_id
),

named as (
    select
        deliveries.delivery_id,
        deliveries.name as delivery_name,
        'governed' as origin,
        deliveries.theme_id,
        deliveries.rollout,
        deliveries.assignment_unit,
        coalesce(deliveries.has_adopter_list, false) as has_adopter_list,
        deliveries.released_at,
        deliveries.owner
    from deliveries
    union all
    select
        delivery_id,
        work_item_key as delivery_name,
        origin,
        cast(null as {{ type_text() }}) as theme_id,
        cast(null as {{ type_text() }}) as rollout,
        cast(null as {{ type_text() }}) as assignment_unit,
        false as has_adopter_list,
        cast(null as timestamp) as released_at,
        cast(null as {{ type_text() }}) as owner
    from first_roots
    where origin = 'released_epic'
),

dated as (
    select
        named.delivery_id,
        named.delivery_name,
        named.origin,
        case when first_roots.work_item_level = 'epic' then first_roots.work_item_id end as epic_work_item_id,
        case when first_roots.work_item_level = 'epic' then first_roots.work_item_key end as epic_key,
        named.theme_id,
        named.rollout,
        named.assignment_unit,
        named.has_adopter_list,
        coalesce(
            named.released_at,
            {{ from_local('cast(shipped.released_on as timestamp)') }},
            first_roots.done_at
        ) as released_at,
        case
            when named.released_at is not null then 'governance'
            when shipped.released_on is not null then 'fix_version'
            when first_roots.done_at is not null then 'done_status'
        end as released_at_source,
        first_roots.team_id,
        named.owner
    from named
    left join first_roots on named.delivery_id = first_roots.delivery_id
    left join shipped on named.delivery_id = shipped.delivery_id
),

final as (
    select * from dated
)

select * from final
