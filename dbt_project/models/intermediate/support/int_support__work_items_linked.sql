{#
  The item of the delivery tool that each link of a ticket means. A link names the item without its instance: with two
  instances that share an id, the key decides.
#}
with

ticket_links as (
    {{ union_sources('support__ticket_work_items', {
        'link_id': 'text',
        'ticket_id': 'text',
        'vendor_work_item_id': 'text',
        'work_item_key': 'text',
        'linked_at': 'timestamp',
    }) }}
),

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

ranked as (
    select
        ticket_links.link_id,
        ticket_links.ticket_id,
        ticket_links.linked_at,
        work_items.work_item_id,
        row_number() over (
            partition by ticket_links.link_id
            order by
                case when work_items.work_item_key = ticket_links.work_item_key then 0 else 1 end,
                work_items.work_item_id
        ) as likeness
    from ticket_links
    inner join work_items on ticket_links.vendor_work_item_id = work_items.vendor_work_item_id
),

final as (
    select
        link_id,
        ticket_id,
        linked_at,
        work_item_id
    from ranked
    where likeness = 1
)

select * from final
