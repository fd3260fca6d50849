{{ config(enabled=source_is_enabled('salesforce'), unique_key='opportunity_history_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'opportunity_history', {
        'history_id': 'text',
        'opportunity_id': 'text',
        'stage_name': 'text',
        'amount': 'double',
        'close_date': 'date',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('history_id') }} as opportunity_history_id,
        {{ instance_id('opportunity_id') }} as opportunity_id,
        stage_name,
        cast(amount as {{ type_amount() }}) as amount,
        close_date as close_on,
        created_at as changed_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'opportunity_history_id') }}
