{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

select
    contact_id as person_ref,
    nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '') as person_name
from {{ ref('stg_salesforce__contacts') }}
where not is_deleted
