{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

with

contact_companies as (
    select
        from_id as contact_id,
        to_id as company_id,
        row_number() over (
            partition by from_id
            order by case when lower(label) = 'primary' then 0 else 1 end, to_id
        ) as choice
    from {{ ref('stg_hubspot__associations') }}
    where from_type = 'contacts' and to_type = 'companies' and not is_deleted
),

contacts as (
    select
        contacts.contact_id as person_ref,
        'crm' as system,
        contacts._instance as instance,
        contacts.vendor_contact_id as vendor_person_id,
        contacts.email_key,
        contacts.email_domain,
        contact_companies.company_id as account_record_id,
        cast(null as {{ type_text() }}) as organization_ref,
        cast(null as {{ type_text() }}) as account_external_id,
        contacts.merged_vendor_contact_ids as merged_vendor_ids,
        false as is_staff,
        false as is_bot,
        cast(null as {{ type_text() }}) as team_source_key,
        contacts.created_at as first_seen_at,
        not contacts.is_deleted as is_active,
        contacts.is_deleted
    from {{ ref('stg_hubspot__contacts') }} as contacts
    left join contact_companies
        on contacts.contact_id = contact_companies.contact_id and contact_companies.choice = 1
),

owners as (
    select
        -- Owners are numbered apart from contacts.
        'owner/' || owner_id as person_ref,
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
        not is_archived as is_active,
        is_deleted
    from {{ ref('stg_hubspot__owners') }}
),

final as (
    select * from contacts
    union all
    select * from owners
)

select * from final
