{{ config(enabled=source_is_enabled('posthog'), materialized='view') }}

select
    profile_id as person_ref,
    'analytics' as system,
    _instance as instance,
    distinct_id as vendor_person_id,
    email_key,
    email_domain,
    cast(null as {{ type_text() }}) as account_record_id,
    cast(null as {{ type_text() }}) as organization_ref,
    account_external_id,
    cast(null as {{ type_text() }}) as merged_vendor_ids,
    false as is_staff,
    false as is_bot,
    cast(null as {{ type_text() }}) as team_source_key,
    cast(null as timestamp) as first_seen_at,
    not is_deleted as is_active,
    is_deleted
from {{ ref('stg_posthog__persons') }}
