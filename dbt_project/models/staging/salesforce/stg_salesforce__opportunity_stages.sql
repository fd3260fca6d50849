{{ config(enabled=source_is_enabled('salesforce'), unique_key='stage_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'opportunity_stages', {
        'stage_id': 'text',
        'master_label': 'text',
        'api_name': 'text',
        'sort_order': 'bigint',
        'default_probability': 'double',
        'is_closed': 'boolean',
        'is_won': 'boolean',
    }) }}
),

final as (
    select
        {{ instance_id('stage_id') }} as stage_id,
        api_name,
        master_label as stage_name,
        sort_order,
        default_probability / 100 as probability_ratio,
        is_closed,
        is_won,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'stage_id') }}
