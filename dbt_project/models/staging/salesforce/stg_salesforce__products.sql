{{ config(enabled=source_is_enabled('salesforce'), unique_key='product_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'products', {
        'product_id': 'text',
        'name': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('product_id') }} as product_id,
        name as product_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'product_id') }}
