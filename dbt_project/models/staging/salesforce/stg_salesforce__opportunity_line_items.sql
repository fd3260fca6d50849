{{ config(enabled=source_is_enabled('salesforce'), unique_key='line_item_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'opportunity_line_items', {
        'line_item_id': 'text',
        'opportunity_id': 'text',
        'product_id': 'text',
        'name': 'text',
        'quantity': 'double',
        'total_price': 'double',
        'currency_iso_code': 'text',
        'term_months': 'double',
        'starts_on': 'date',
        'ends_on': 'date',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('line_item_id') }} as line_item_id,
        {{ instance_id('opportunity_id') }} as opportunity_id,
        {{ instance_id('product_id') }} as product_id,
        name as line_item_name,
        cast(quantity as bigint) as quantity,
        cast(total_price as {{ type_amount() }}) as total_price,
        upper(currency_iso_code) as currency,
        cast(term_months as bigint) as term_months,
        starts_on,
        ends_on,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'line_item_id') }}
