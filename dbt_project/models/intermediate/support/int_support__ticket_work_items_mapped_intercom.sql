{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

with

conversations as (
    select
        conversation_id,
        work_item_keys,
        created_at
    from {{ ref('stg_intercom__conversations') }}
    where not is_deleted
),

linked as (
    {{ split_rows('conversations', ['conversation_id', 'created_at'], 'work_item_keys') }}
),

tellings as (
    select
        conversation_id,
        replace(replace(attribute_value, ' ', ''), ',', ';') as work_item_keys,
        created_at
    from {{ ref('stg_intercom__conversation_parts') }}
    where not is_deleted and field_name = 'work_items'
),

-- The key is all that is written down; what leads to several items of several instances leads to none.
work_items as (
    select
        work_item_key,
        max(vendor_work_item_id) as vendor_work_item_id
    from {{ ref('int_delivery__work_items_unioned') }}
    group by work_item_key
    having count(distinct vendor_work_item_id) = 1
),

final as (
    select
        linked.conversation_id || ':' || linked.member as link_id,
        linked.conversation_id as ticket_id,
        work_items.vendor_work_item_id,
        linked.member as work_item_key,
        coalesce(min(tellings.created_at), linked.created_at) as linked_at
    from linked
    left join tellings
        on
            linked.conversation_id = tellings.conversation_id
            and {{ list_contains_value('tellings.work_item_keys', 'linked.member') }}
    left join work_items on linked.member = work_items.work_item_key
    group by linked.conversation_id, linked.member, linked.created_at, work_items.vendor_work_item_id
)

select * from final
