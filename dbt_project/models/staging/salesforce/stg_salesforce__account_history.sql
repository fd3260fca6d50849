{{ config(enabled=source_is_enabled('salesforce'), unique_key='account_history_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'account_history', {
        'history_id': 'text',
        'account_id': 'text',
        'field': 'text',
        'old_value': 'text',
        'new_value': 'text',
        'data_type': 'text',
        'column_name': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('history_id') }} as account_history_id,
        {{ instance_id('account_id') }} as account_id,
        field as field_name,
        column_name,
        old_value,
        new_value,
        data_type,
        created_at as changed_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'account_history_id') }}
