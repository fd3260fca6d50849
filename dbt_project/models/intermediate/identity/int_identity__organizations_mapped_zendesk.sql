{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    organization_id as organization_ref,
    vendor_organization_id,
    _instance as instance,
    external_id as account_external_id,
    organization_name,
    domain_names,
    country,
    created_at,
    is_deleted
from {{ ref('stg_zendesk__organizations') }}
