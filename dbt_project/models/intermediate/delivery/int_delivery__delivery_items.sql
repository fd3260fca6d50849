{# An item belongs to the nearest delivery above it, so that an issue that governance names wins over its epic's. #}
with

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

changes as (
    select * from {{ ref('int_delivery__work_item_changes_unioned') }}
),

ancestors as (
    select * from {{ ref('int_delivery__work_item_ancestors') }}
),

status_spans as (
    select * from {{ ref('fct_status_spans') }}
),

deliveries as (
    select * from {{ ref('stg_governance__deliveries') }}
),

delivery_issues as (
    select * from {{ ref('stg_governance__delivery_issues') }}
),

keys as (
    -- a moved item keeps its id, and its old key still means it
    select
        work_item_key,
        min(work_item_id) as work_item_id
    from work_items
    group by work_item_key
    union all
    -- with its instance in front (`jira_emea:A-1`), for companies where two instances have the key
    select
        left(work_item_id, length(work_item_id) - length(vendor_work_item_id)) || work_item_key as work_item_key,
        work_item_id
    from work_items
),

past_keys as (
    select
        changes.from_label as work_item_key,
        min(changes.work_item_id) as work_item_id
    from changes
    inner join work_items on changes.work_item_id = work_items.work_item_id
    where changes.field_name = 'key'
    group by changes.from_label
),

governed_keys as (
    select
        delivery_id,
        epic_key as work_item_key
    from deliveries
    where epic_key is not null
    union
    select
        delivery_issues.delivery_id,
        delivery_issues.issue_key as work_item_key
    from delivery_issues
    inner join deliveries on delivery_issues.delivery_id = deliveries.delivery_id
),

governed_roots as (
    select
        min(governed_keys.delivery_id) as delivery_id,
        coalesce(keys.work_item_id, past_keys.work_item_id) as work_item_id
    from governed_keys
    left join keys on governed_keys.work_item_key = keys.work_item_key
    left join past_keys on governed_keys.work_item_key = past_keys.work_item_key
    where coalesce(keys.work_item_id, past_keys.work_item_id) is not null
    group by coalesce(keys.work_item_id, past_keys.work_item_id)
),

governed_items as (
    select distinct ancestors.work_item_id
    from ancestors
    inner join governed_roots on ancestors.ancestor_work_item_id = governed_roots.work_item_id
),

released_epics as (
    select work_items.work_item_id
    from work_items
    inner join status_spans
        on
            work_items.work_item_id = status_spans.work_item_id
            and status_spans.is_current
            and status_spans.status_category = 'done'
    left join governed_items on work_items.work_item_id = governed_items.work_item_id
    where
        work_items.work_item_level = 'epic'
        and not work_items.is_cancelled
        and governed_items.work_item_id is null
),

roots as (
    select
        work_item_id,
        delivery_id,
        'governed' as origin
    from governed_roots
    union all
    select
        work_item_id,
        work_item_id as delivery_id,
        'released_epic' as origin
    from released_epics
),

ranked as (
    select
        ancestors.work_item_id,
        roots.delivery_id,
        roots.origin,
        ancestors.distance = 0 as is_root,
        row_number() over (partition by ancestors.work_item_id order by ancestors.distance, roots.delivery_id)
            as nearness
    from ancestors
    inner join roots on ancestors.ancestor_work_item_id = roots.work_item_id
),

final as (
    select
        work_item_id,
        delivery_id,
        origin,
        is_root
    from ranked
    where nearness = 1
)

select * from final
