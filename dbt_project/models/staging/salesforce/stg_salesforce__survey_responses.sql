{{ config(enabled=source_is_enabled('salesforce'), unique_key='response_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'survey_responses', {
        'response_id': 'text',
        'contact_id': 'text',
        'account_id': 'text',
        'score': 'double',
        'comment': 'text',
        'answered_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('response_id') }} as response_id,
        response_id as vendor_response_id,
        {{ instance_id('contact_id') }} as contact_id,
        {{ instance_id('account_id') }} as account_id,
        score,
        comment as body,
        answered_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'response_id') }}
