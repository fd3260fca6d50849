{{ config(enabled=source_is_enabled('intercom'), unique_key='contact_id') }}

with

new_rows as (
    {{ latest_raw_rows('intercom', 'contacts', {
        'contact_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'company_id': 'text',
        'merged_contact_ids': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('contact_id') }} as contact_id,
        contact_id as vendor_contact_id,
        email_key,
        {{ email_domain('email') }} as email_domain,
        {{ instance_id('company_id') }} as company_id,
        merged_contact_ids as merged_vendor_contact_ids,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'contact_id') }}
