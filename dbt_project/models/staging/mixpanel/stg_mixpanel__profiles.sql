{{ config(enabled=source_is_enabled('mixpanel'), unique_key='profile_id') }}

with

new_rows as (
    {{ latest_raw_rows('mixpanel', 'profiles', {
        'distinct_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'name': 'text',
        'last_seen_at': 'timestamp',
        'account_external_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('distinct_id') }} as profile_id,
        distinct_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        name as person_name,
        account_external_id,
        last_seen_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'profile_id') }}
