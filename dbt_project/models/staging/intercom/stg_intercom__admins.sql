{{ config(enabled=source_is_enabled('intercom'), unique_key='admin_id') }}

with

new_rows as (
    {{ latest_raw_rows('intercom', 'admins', {
        'admin_id': 'text',
        'email': 'text',
        'email_key': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('admin_id') }} as admin_id,
        admin_id as vendor_admin_id,
        email_key,
        {{ email_domain('email') }} as email_domain,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'admin_id') }}
