{{ config(enabled=source_is_enabled('hubspot'), unique_key='company_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'companies', {
        'company_id': 'text',
        'name': 'text',
        'domain': 'text',
        'country': 'text',
        'industry': 'text',
        'numberofemployees': 'double',
        'segment': 'text',
        'is_test_account': 'boolean',
        'hubspot_owner_id': 'text',
        'createdate': 'timestamp',
        'hs_merged_object_ids': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('company_id') }} as company_id,
        company_id as vendor_company_id,
        name as company_name,
        nullif(lower(trim(domain)), '') as domain,
        country,
        industry,
        cast(numberofemployees as bigint) as employee_count,
        segment,
        coalesce(is_test_account, false) as is_test_account,
        {{ instance_id('hubspot_owner_id') }} as owner_id,
        createdate as created_at,
        hs_merged_object_ids as merged_vendor_company_ids,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'company_id') }}
