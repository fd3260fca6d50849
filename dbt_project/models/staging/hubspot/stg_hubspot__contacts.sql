{{ config(enabled=source_is_enabled('hubspot'), unique_key='contact_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'contacts', {
        'contact_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'firstname': 'text',
        'lastname': 'text',
        'jobtitle': 'text',
        'hs_language': 'text',
        'createdate': 'timestamp',
        'hs_merged_object_ids': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('contact_id') }} as contact_id,
        contact_id as vendor_contact_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        firstname as first_name,
        lastname as last_name,
        jobtitle as job_title,
        hs_language as language,
        createdate as created_at,
        hs_merged_object_ids as merged_vendor_contact_ids,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'contact_id') }}
