{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

select
    company_id as account_record_id,
    property_value as segment,
    changed_at
from {{ ref('stg_hubspot__company_properties') }}
where property_name = 'segment' and not is_deleted
