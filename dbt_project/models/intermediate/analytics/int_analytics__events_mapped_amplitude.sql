{{ config(enabled=source_is_enabled('amplitude'), materialized='view') }}

select
    event_id,
    _instance as instance,
    event_name,
    profile_id as profile_ref,
    user_id as user_ref,
    account_external_id,
    feature,
    occurred_at,
    _batch_id
from {{ ref('stg_amplitude__events') }}
