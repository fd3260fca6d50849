{{ config(enabled=source_is_enabled('salesforce'), unique_key='opportunity_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'opportunities', {
        'opportunity_id': 'text',
        'account_id': 'text',
        'record_type_id': 'text',
        'name': 'text',
        'type': 'text',
        'stage_name': 'text',
        'amount': 'double',
        'currency_iso_code': 'text',
        'close_date': 'date',
        'is_closed': 'boolean',
        'is_won': 'boolean',
        'owner_id': 'text',
        'loss_reason': 'text',
        'loss_reason_text': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('opportunity_id') }} as opportunity_id,
        opportunity_id as vendor_opportunity_id,
        {{ instance_id('account_id') }} as account_id,
        {{ instance_id('record_type_id') }} as record_type_id,
        name as opportunity_name,
        type as opportunity_type,
        stage_name,
        cast(amount as {{ type_amount() }}) as amount,
        upper(currency_iso_code) as currency,
        close_date as close_on,
        is_closed,
        is_won,
        {{ instance_id('owner_id') }} as owner_id,
        loss_reason,
        loss_reason_text,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'opportunity_id') }}
