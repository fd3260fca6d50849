{{ config(enabled=source_is_enabled('hubspot'), unique_key='line_item_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'line_items', {
        'line_item_id': 'text',
        'hs_product_id': 'text',
        'name': 'text',
        'quantity': 'double',
        'amount': 'double',
        'hs_line_item_currency_code': 'text',
        'hs_recurring_billing_period': 'text',
        'hs_recurring_billing_start_date': 'date',
        'hs_recurring_billing_end_date': 'date',
        'createdate': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('line_item_id') }} as line_item_id,
        {{ instance_id('hs_product_id') }} as product_id,
        name as line_item_name,
        cast(quantity as bigint) as quantity,
        cast(amount as {{ type_amount() }}) as amount,
        upper(hs_line_item_currency_code) as currency,
        upper(hs_recurring_billing_period) as billing_period,
        hs_recurring_billing_start_date as starts_on,
        hs_recurring_billing_end_date as ends_on,
        createdate as created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'line_item_id') }}
