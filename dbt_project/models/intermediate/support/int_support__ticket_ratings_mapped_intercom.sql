{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

select
    conversation_id as rating_id,
    conversation_id as ticket_id,
    {{ intercom_satisfaction('rating') }} as score_name,
    rated_at as answered_at
from {{ ref('stg_intercom__conversations') }}
where not is_deleted and rating is not null
