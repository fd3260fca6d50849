{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

select
    company_id as organization_ref,
    vendor_company_id as vendor_organization_id,
    _instance as instance,
    external_id as account_external_id,
    company_name as organization_name,
    domain_names,
    country,
    created_at,
    is_deleted
from {{ ref('stg_intercom__companies') }}
