{{ config(enabled=source_is_enabled('salesforce'), unique_key='account_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'accounts', {
        'account_id': 'text',
        'account_key': 'text',
        'master_record_id': 'text',
        'name': 'text',
        'website': 'text',
        'billing_country': 'text',
        'industry': 'text',
        'number_of_employees': 'double',
        'segment': 'text',
        'is_test_account': 'boolean',
        'owner_id': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('account_id') }} as account_id,
        account_id as vendor_account_id,
        account_key,
        {{ instance_id('master_record_id') }} as master_record_id,
        name as account_name,
        {{ website_domain('website') }} as domain,
        billing_country as country,
        industry,
        cast(number_of_employees as bigint) as employee_count,
        segment,
        coalesce(is_test_account, false) as is_test_account,
        {{ instance_id('owner_id') }} as owner_id,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'account_id') }}
