{{ config(enabled=source_is_enabled('salesforce'), unique_key='pipeline_stage_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'pipeline_stages', {
        'record_type_id': 'text',
        'api_name': 'text',
        'position': 'bigint',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as pipeline_stage_id,
        {{ instance_id('record_type_id') }} as record_type_id,
        api_name,
        position,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'pipeline_stage_id') }}
