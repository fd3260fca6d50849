{{ config(enabled=source_is_enabled('hubspot'), unique_key='deal_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'deals', {
        'deal_id': 'text',
        'dealname': 'text',
        'dealtype': 'text',
        'pipeline': 'text',
        'dealstage': 'text',
        'amount': 'double',
        'deal_currency_code': 'text',
        'closedate': 'timestamp',
        'createdate': 'timestamp',
        'hubspot_owner_id': 'text',
        'closed_lost_reason': 'text',
        'closed_lost_reason_text': 'text',
        'hs_is_closed': 'boolean',
        'hs_is_closed_won': 'boolean',
    }) }}
),

final as (
    select
        {{ instance_id('deal_id') }} as deal_id,
        deal_id as vendor_deal_id,
        dealname as deal_name,
        dealtype as deal_type,
        {{ instance_id('pipeline') }} as pipeline_id,
        {{ instance_id('dealstage') }} as stage_id,
        cast(amount as {{ type_amount() }}) as amount,
        upper(deal_currency_code) as currency,
        closedate as close_at,
        createdate as created_at,
        {{ instance_id('hubspot_owner_id') }} as owner_id,
        closed_lost_reason as loss_reason,
        closed_lost_reason_text as loss_reason_text,
        hs_is_closed as is_closed,
        hs_is_closed_won as is_closed_won,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'deal_id') }}
