{{ config(enabled=source_is_enabled('salesforce'), unique_key='user_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'users', {
        'user_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'first_name': 'text',
        'last_name': 'text',
        'is_active': 'boolean',
        'user_type': 'text',
        'team_name': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('user_id') }} as user_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        first_name,
        last_name,
        coalesce(is_active, false) as is_active,
        user_type,
        team_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'user_id') }}
