{#
  A table: a pipeline loses stages without a row of their own, so the list is read anew with the pipeline's version.
#}
{{ config(enabled=source_is_enabled('hubspot'), materialized='table') }}

with

current_rows as (
    {{ current_children('hubspot', 'pipeline_stages', {
        'stage_id': 'text',
        'pipeline_id': 'text',
        'label': 'text',
        'display_order': 'bigint',
        'probability': 'double',
        'is_closed': 'boolean',
    }, parent='stg_hubspot__pipelines', parent_id='pipeline_id') }}
),

final as (
    select
        {{ instance_id('stage_id') }} as stage_id,
        {{ instance_id('pipeline_id') }} as pipeline_id,
        label as stage_name,
        display_order as position,
        probability as probability_ratio,
        is_closed,
        {{ envelope() }}
    from current_rows
)

select * from final
