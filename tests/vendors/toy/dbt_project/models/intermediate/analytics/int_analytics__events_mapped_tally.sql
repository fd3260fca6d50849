{{ config(enabled=source_is_enabled('tally'), materialized='view') }}

select
    event_id,
    _instance as instance,
    event_name,
    profile_id as profile_ref,
    profile_id as user_ref,
    account_external_id,
    feature,
    occurred_at,
    _batch_id
from {{ ref('stg_tally__events') }}
