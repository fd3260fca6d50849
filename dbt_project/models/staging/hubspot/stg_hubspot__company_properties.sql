{{ config(enabled=source_is_enabled('hubspot'), unique_key='company_property_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'companies_history', {
        'company_id': 'text',
        'property': 'text',
        'value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as company_property_id,
        {{ instance_id('company_id') }} as company_id,
        property as property_name,
        value as property_value,
        changed_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'company_property_id') }}
