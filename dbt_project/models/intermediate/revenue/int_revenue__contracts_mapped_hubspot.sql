{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

with

line_items as (
    select
        line_items.*,
        replace(replace(line_items.billing_period, 'P', ''), 'M', '') as months_text,
        replace(replace(line_items.billing_period, 'P', ''), 'Y', '') as years_text
    from {{ ref('stg_hubspot__line_items') }} as line_items
    -- What has no recurring period is sold once and is no revenue that recurs.
    where not line_items.is_deleted and line_items.billing_period is not null
),

products as (
    select * from {{ ref('stg_hubspot__products') }}
),

deal_line_items as (
    select
        from_id as deal_id,
        to_id as line_item_id,
        row_number() over (partition by to_id order by from_id) as choice
    from {{ ref('stg_hubspot__associations') }}
    where from_type = 'deals' and to_type = 'line_items' and not is_deleted
),

termed as (
    select
        line_items.*,
        case
            when line_items.billing_period like 'P%M' then {{ dbt.safe_cast('line_items.months_text', 'bigint') }}
            when line_items.billing_period like 'P%Y' then 12 * {{ dbt.safe_cast('line_items.years_text', 'bigint') }}
        end as term_months
    from line_items
),

final as (
    select
        termed.line_item_id as contract_id,
        deal_line_items.deal_id,
        coalesce(termed.product_id, termed.line_item_id) as product_id,
        coalesce(products.product_name, termed.line_item_name) as plan_name,
        coalesce(termed.quantity, 1) as seat_count,
        termed.amount,
        termed.currency,
        termed.term_months,
        termed.starts_on,
        coalesce(termed.ends_on, {{ add_months('termed.starts_on', 'cast(termed.term_months as int)') }}) as ends_on,
        termed.created_at as signed_at
    from termed
    inner join deal_line_items
        on termed.line_item_id = deal_line_items.line_item_id and deal_line_items.choice = 1
    left join products on termed.product_id = products.product_id
)

select * from final
