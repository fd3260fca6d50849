{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

contacts as (
    select * from {{ ref('stg_salesforce__contacts') }}
),

-- A merge's loser names its survivor, here turned round. Salesforce forgets losers when the bin is emptied.
absorbed as (
    select
        master_record_id as contact_id,
        {{ joined_values('vendor_contact_id', ';') }} as merged_vendor_ids
    from contacts
    where master_record_id is not null
    group by master_record_id
),

people as (
    select
        contacts.contact_id as person_ref,
        'crm' as system,
        contacts._instance as instance,
        contacts.vendor_contact_id as vendor_person_id,
        contacts.email_key,
        contacts.email_domain,
        contacts.account_id as account_record_id,
        cast(null as {{ type_text() }}) as organization_ref,
        cast(null as {{ type_text() }}) as account_external_id,
        absorbed.merged_vendor_ids,
        false as is_staff,
        false as is_bot,
        cast(null as {{ type_text() }}) as team_source_key,
        contacts.created_at as first_seen_at,
        not contacts.is_deleted as is_active,
        -- A merged record lives on in its survivor, unless that is deleted.
        contacts.is_deleted and coalesce(seconds.is_deleted, survivors.is_deleted, true) as is_deleted
    from contacts
    left join absorbed on contacts.contact_id = absorbed.contact_id
    left join contacts as survivors on contacts.master_record_id = survivors.contact_id
    left join contacts as seconds on survivors.master_record_id = seconds.contact_id
),

users as (
    select
        'owner/' || user_id as person_ref,
        'crm' as system,
        _instance as instance,
        cast(null as {{ type_text() }}) as vendor_person_id,
        email_key,
        email_domain,
        cast(null as {{ type_text() }}) as account_record_id,
        cast(null as {{ type_text() }}) as organization_ref,
        cast(null as {{ type_text() }}) as account_external_id,
        cast(null as {{ type_text() }}) as merged_vendor_ids,
        true as is_staff,
        false as is_bot,
        team_name as team_source_key,
        cast(null as timestamp) as first_seen_at,
        is_active,
        is_deleted
    from {{ ref('stg_salesforce__users') }}
    -- The others are portals, guests and processes.
    where coalesce(user_type, 'Standard') = 'Standard'
),

final as (
    select * from people
    union all
    select * from users
)

select * from final
