{{ config(enabled=source_is_enabled('amplitude'), unique_key='profile_id') }}

with

new_rows as (
    {{ latest_raw_rows('amplitude', 'users', {
        'user_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'name': 'text',
        'account_external_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('user_id') }} as profile_id,
        user_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        name as person_name,
        account_external_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'profile_id') }}
