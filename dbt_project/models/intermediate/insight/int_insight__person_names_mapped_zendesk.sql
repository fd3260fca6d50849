{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    user_id as person_ref,
    nullif(trim(user_name), '') as person_name
from {{ ref('stg_zendesk__users') }}
where not is_deleted
