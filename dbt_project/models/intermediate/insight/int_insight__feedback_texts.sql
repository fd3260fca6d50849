{# What the insight engine reads: no account, no person. #}
{{ config(materialized='view') }}

select
    feedback_id,
    source,
    object_type,
    occurred_at,
    kind,
    score,
    score_scale,
    feedback_text
from {{ ref('int_insight__feedback_items') }}
