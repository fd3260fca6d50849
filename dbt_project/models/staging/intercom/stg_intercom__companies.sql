{{ config(enabled=source_is_enabled('intercom'), unique_key='company_id') }}

with

new_rows as (
    {{ latest_raw_rows('intercom', 'companies', {
        'company_id': 'text',
        'external_id': 'text',
        'name': 'text',
        'domain_names': 'text',
        'country': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('company_id') }} as company_id,
        company_id as vendor_company_id,
        external_id,
        name as company_name,
        lower(domain_names) as domain_names,
        upper(trim(country)) as country,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'company_id') }}
