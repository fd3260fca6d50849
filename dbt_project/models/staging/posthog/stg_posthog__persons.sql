{{ config(enabled=source_is_enabled('posthog'), unique_key='profile_id') }}

with

new_rows as (
    {{ latest_raw_rows('posthog', 'persons', {
        'distinct_id': 'text',
        'person_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'name': 'text',
        'account_external_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('distinct_id') }} as profile_id,
        distinct_id,
        {{ instance_id('person_id') }} as person_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        name as person_name,
        account_external_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'profile_id') }}
