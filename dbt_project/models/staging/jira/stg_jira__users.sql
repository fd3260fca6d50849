{{ config(enabled=source_is_enabled('jira'), unique_key='user_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'users', {
        'account_id': 'text',
        'display_name': 'text',
        'email_address': 'text',
        'email_address_key': 'text',
        'account_type': 'text',
        'is_active': 'boolean',
        'time_zone': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('account_id') }} as user_id,
        account_id as vendor_account_id,
        display_name,
        lower(trim(email_address)) as email,
        email_address_key as email_key,
        account_type,
        coalesce(is_active, false) as is_active,
        time_zone,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'user_id') }}
