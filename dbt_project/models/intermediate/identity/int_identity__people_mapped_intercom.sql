{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

with

contacts as (
    select * from {{ ref('stg_intercom__contacts') }}
),

admins as (
    select * from {{ ref('stg_intercom__admins') }}
),

-- Who is gone is in no list, and still signs what was written: by the latest signature.
signatures as (
    select
        author_id,
        vendor_author_id,
        _instance,
        author_type,
        author_email_key,
        author_email_domain,
        created_at
    from {{ ref('stg_intercom__conversation_parts') }}
    where not is_deleted and author_id is not null

    union all

    select
        author_id,
        vendor_author_id,
        _instance,
        author_type,
        author_email_key,
        author_email_domain,
        created_at
    from {{ ref('stg_intercom__conversations') }}
    where not is_deleted and author_id is not null
),

authors as (
    select
        author_id,
        vendor_author_id,
        _instance,
        case when author_type in ('admin', 'bot', 'team') then 'admin' else 'contact' end as author_side,
        author_type,
        author_email_key,
        author_email_domain,
        first_seen_at
    from (
        select
            signatures.*,
            min(created_at) over (partition by author_id, author_type) as first_seen_at,
            row_number() over (
                partition by author_id, case when author_type in ('admin', 'bot', 'team') then 'admin' else 'contact' end
                order by case when author_email_key is null then 1 else 0 end, created_at desc, author_email_key
            ) as signature_rank
        from signatures
    ) as ranked
    where signature_rank = 1
),

people as (
    select
        contacts.contact_id as person_ref,
        contacts._instance as instance,
        contacts.vendor_contact_id as vendor_person_id,
        coalesce(contacts.email_key, authors.author_email_key) as email_key,
        coalesce(contacts.email_domain, authors.author_email_domain) as email_domain,
        contacts.company_id as organization_ref,
        contacts.merged_vendor_contact_ids as merged_vendor_ids,
        false as is_staff,
        false as is_bot,
        coalesce(contacts.created_at, authors.first_seen_at) as first_seen_at,
        not contacts.is_deleted as is_active,
        contacts.is_deleted
    from contacts
    left join authors on contacts.contact_id = authors.author_id and authors.author_side = 'contact'

    union all

    select
        admins.admin_id as person_ref,
        admins._instance as instance,
        admins.vendor_admin_id as vendor_person_id,
        coalesce(admins.email_key, authors.author_email_key) as email_key,
        coalesce(admins.email_domain, authors.author_email_domain) as email_domain,
        cast(null as {{ type_text() }}) as organization_ref,
        cast(null as {{ type_text() }}) as merged_vendor_ids,
        true as is_staff,
        false as is_bot,
        authors.first_seen_at,
        not admins.is_deleted as is_active,
        admins.is_deleted
    from admins
    left join authors on admins.admin_id = authors.author_id and authors.author_side = 'admin'

    union all

    select
        authors.author_id as person_ref,
        authors._instance as instance,
        authors.vendor_author_id as vendor_person_id,
        authors.author_email_key as email_key,
        authors.author_email_domain as email_domain,
        cast(null as {{ type_text() }}) as organization_ref,
        cast(null as {{ type_text() }}) as merged_vendor_ids,
        authors.author_side = 'admin' as is_staff,
        authors.author_type in ('bot', 'team') as is_bot,
        authors.first_seen_at,
        false as is_active,
        false as is_deleted
    from authors
    left join contacts on authors.author_id = contacts.contact_id
    left join admins on authors.author_id = admins.admin_id
    where contacts.contact_id is null and admins.admin_id is null
),

final as (
    select
        person_ref,
        'support' as system,
        instance,
        vendor_person_id,
        email_key,
        email_domain,
        cast(null as {{ type_text() }}) as account_record_id,
        organization_ref,
        cast(null as {{ type_text() }}) as account_external_id,
        merged_vendor_ids,
        is_staff,
        is_bot,
        cast(null as {{ type_text() }}) as team_source_key,
        first_seen_at,
        is_active,
        is_deleted
    from people
)

select * from final
