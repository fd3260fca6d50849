{{ config(enabled=source_is_enabled('salesforce'), unique_key='contact_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'contacts', {
        'contact_id': 'text',
        'account_id': 'text',
        'master_record_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'first_name': 'text',
        'last_name': 'text',
        'title': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('contact_id') }} as contact_id,
        contact_id as vendor_contact_id,
        {{ instance_id('account_id') }} as account_id,
        {{ instance_id('master_record_id') }} as master_record_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        first_name,
        last_name,
        title as job_title,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'contact_id') }}
