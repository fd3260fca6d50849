{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    user_id as person_ref,
    'support' as system,
    _instance as instance,
    vendor_user_id as vendor_person_id,
    email_key,
    email_domain,
    cast(null as {{ type_text() }}) as account_record_id,
    organization_id as organization_ref,
    cast(null as {{ type_text() }}) as account_external_id,
    cast(null as {{ type_text() }}) as merged_vendor_ids,
    coalesce(role, 'end-user') in ('agent', 'admin') as is_staff,
    false as is_bot,
    cast(null as {{ type_text() }}) as team_source_key,
    created_at as first_seen_at,
    coalesce(is_active, true) and not is_deleted as is_active,
    is_deleted
from {{ ref('stg_zendesk__users') }}
