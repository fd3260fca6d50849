with

definitions as (
    select * from {{ ref('metrics') }}
),

governed as (
    select * from {{ ref('stg_governance__metrics') }}
),

final as (
    select
        definitions.metric_id,
        definitions.metric_name,
        definitions.question,
        definitions.definition,
        definitions.leaves_out,
        definitions.unit,
        definitions.good_direction,
        definitions.period,
        definitions.period = 'day' as is_daily,
        definitions.reading,
        definitions.empty_day,
        definitions.source_table,
        definitions.source_column,
        definitions.semantic_metric,
        definitions.decision_ref,
        governed.owner,
        governed.target_value,
        governed.target_on,
        governed.threshold_low,
        governed.threshold_high,
        governed.parent_metric_id
    from definitions
    left join governed on definitions.metric_id = governed.metric_id
)

select * from final
