{{ config(enabled=source_is_enabled('hubspot'), unique_key='pipeline_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'pipelines', {
        'pipeline_id': 'text',
        'label': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('pipeline_id') }} as pipeline_id,
        label as pipeline_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'pipeline_id') }}
