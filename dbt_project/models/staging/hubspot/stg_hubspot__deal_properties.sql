{{ config(enabled=source_is_enabled('hubspot'), unique_key='deal_property_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'deals_history', {
        'deal_id': 'text',
        'property': 'text',
        'value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as deal_property_id,
        {{ instance_id('deal_id') }} as deal_id,
        property as property_name,
        value as property_value,
        changed_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'deal_property_id') }}
