{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    response_id as rating_id,
    ticket_id,
    case rating_category when 'good' then 'good' when 'bad' then 'bad' end as score_name,
    answered_at
from {{ ref('stg_zendesk__csat_responses') }}
where not is_deleted
