{{ config(enabled=source_is_enabled('zendesk'), unique_key='user_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'users', {
        'user_id': 'text',
        'name': 'text',
        'email': 'text',
        'email_key': 'text',
        'role': 'text',
        'organization_id': 'text',
        'external_id': 'text',
        'is_active': 'boolean',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('user_id') }} as user_id,
        user_id as vendor_user_id,
        name as user_name,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        role,
        {{ instance_id('organization_id') }} as organization_id,
        external_id,
        is_active,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'user_id') }}
