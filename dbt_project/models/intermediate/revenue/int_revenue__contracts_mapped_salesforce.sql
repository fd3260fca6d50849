{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

line_items as (
    select * from {{ ref('stg_salesforce__opportunity_line_items') }}
    -- What has no term is sold once and is no revenue that recurs.
    where not is_deleted and term_months is not null
),

products as (
    select * from {{ ref('stg_salesforce__products') }}
),

final as (
    select
        line_items.line_item_id as contract_id,
        line_items.opportunity_id as deal_id,
        coalesce(line_items.product_id, line_items.line_item_id) as product_id,
        coalesce(products.product_name, line_items.line_item_name) as plan_name,
        coalesce(line_items.quantity, 1) as seat_count,
        line_items.total_price as amount,
        line_items.currency,
        line_items.term_months,
        line_items.starts_on,
        coalesce(
            line_items.ends_on, {{ add_months('line_items.starts_on', 'cast(line_items.term_months as int)') }}
        ) as ends_on,
        line_items.created_at as signed_at
    from line_items
    left join products on line_items.product_id = products.product_id
)

select * from final
