{{ config(enabled=source_is_enabled('zendesk'), unique_key='organization_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'organizations', {
        'organization_id': 'text',
        'name': 'text',
        'external_id': 'text',
        'domain_names': 'text',
        'country': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('organization_id') }} as organization_id,
        organization_id as vendor_organization_id,
        name as organization_name,
        external_id,
        lower(domain_names) as domain_names,
        upper(trim(country)) as country,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'organization_id') }}
