{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

select
    companies.company_id as account_record_id,
    companies.vendor_company_id as vendor_account_id,
    companies._instance as instance,
    companies.company_name as account_name,
    companies.domain,
    companies.country,
    companies.industry,
    companies.employee_count,
    companies.segment,
    companies.is_test_account,
    companies.owner_id as owner_ref,
    companies.created_at,
    companies.merged_vendor_company_ids as merged_vendor_ids,
    companies.is_deleted,
    '{{ var("crm_link_base") }}/company/' || companies.vendor_company_id as crm_url
from {{ ref('stg_hubspot__companies') }} as companies
