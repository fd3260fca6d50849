{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

stages as (
    select * from {{ ref('stg_salesforce__opportunity_stages') }}
),

final as (
    select
        pipeline_stages.record_type_id || '/' || pipeline_stages.api_name as stage_id,
        pipeline_stages.record_type_id as pipeline_id,
        coalesce(stages.stage_name, pipeline_stages.api_name) as stage_name,
        pipeline_stages.position,
        stages.probability_ratio,
        coalesce(stages.is_closed, false) as is_closed,
        coalesce(stages.is_won, false) as is_won
    from {{ ref('stg_salesforce__pipeline_stages') }} as pipeline_stages
    left join stages
        on pipeline_stages.api_name = stages.api_name and pipeline_stages._instance = stages._instance
    where not pipeline_stages.is_deleted

    union all

    -- Opportunities without a record type can be in any stage.
    select
        _instance || ':/' || api_name as stage_id,
        _instance || ':' as pipeline_id,
        stage_name,
        sort_order as position,
        probability_ratio,
        is_closed,
        is_won
    from stages
    where not is_deleted
)

select * from final
