{{ config(enabled=source_is_enabled('hubspot'), unique_key='owner_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'owners', {
        'owner_id': 'text',
        'email': 'text',
        'email_key': 'text',
        'first_name': 'text',
        'last_name': 'text',
        'is_archived': 'boolean',
        'team_name': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('owner_id') }} as owner_id,
        email,
        email_key,
        {{ email_domain('email') }} as email_domain,
        first_name,
        last_name,
        coalesce(is_archived, false) as is_archived,
        team_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'owner_id') }}
