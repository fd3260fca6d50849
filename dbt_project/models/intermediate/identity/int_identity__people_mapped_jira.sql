{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

select
    user_id as person_ref,
    'delivery' as system,
    _instance as instance,
    vendor_account_id as vendor_person_id,
    email_key,
    {{ email_domain('email') }} as email_domain,
    cast(null as {{ type_text() }}) as account_record_id,
    cast(null as {{ type_text() }}) as organization_ref,
    cast(null as {{ type_text() }}) as account_external_id,
    cast(null as {{ type_text() }}) as merged_vendor_ids,
    -- Whoever works in the delivery tool works for the company; apps are no people.
    coalesce(account_type, 'atlassian') = 'atlassian' as is_staff,
    coalesce(account_type, 'atlassian') = 'app' as is_bot,
    cast(null as {{ type_text() }}) as team_source_key,
    cast(null as timestamp) as first_seen_at,
    coalesce(is_active, true) and not is_deleted as is_active,
    is_deleted
from {{ ref('stg_jira__users') }}
