{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

select
    stage_id,
    pipeline_id,
    stage_name,
    position,
    probability_ratio,
    is_closed,
    is_closed and probability_ratio = 1 as is_won
from {{ ref('stg_hubspot__pipeline_stages') }}
where not is_deleted
