with

key_results as (
    select * from {{ ref('stg_governance__key_results') }}
),

objectives as (
    select * from {{ ref('stg_governance__objectives') }}
),

metrics as (
    select
        metric_id,
        unit,
        reading,
        is_daily
    from {{ ref('dim_metrics') }}
),

dated as (
    select
        key_results.key_result_id,
        key_results.name,
        key_results.objective_id,
        objectives.name as objective_name,
        key_results.owner,
        key_results.metric_id,
        coalesce(key_results.segment, 'all') as segment,
        metrics.unit,
        metrics.reading,
        key_results.baseline,
        key_results.target,
        key_results.starts_on,
        key_results.ends_on,
        metrics.metric_id is not null as is_metric_known,
        metrics.is_daily,
        -- the last complete day of its period so far
        case
            when key_results.starts_on >= {{ today() }} then null
            when key_results.ends_on < {{ today() }} then key_results.ends_on
            else {{ add_days(today(), -1) }}
        end as as_of_on
    from key_results
    left join objectives on key_results.objective_id = objectives.objective_id
    left join metrics on key_results.metric_id = metrics.metric_id
),

asked as (
    select
        key_result_id as asked_id,
        metric_id,
        segment,
        reading,
        as_of_on as to_on
    from dated
    where as_of_on is not null and is_daily
),

read_values as (
    {{ read_metric_windows('asked') }}
),

paced as (
    select
        dated.*,
        read_values.value as current_value,
        read_values.day_count,
        read_values.last_on as measured_on,
        case
            when dated.as_of_on is null then cast(0 as {{ type_double() }})
            else {{ ratio(
                dbt.datediff('dated.starts_on', 'dated.as_of_on', 'day') ~ ' + 1',
                dbt.datediff('dated.starts_on', 'dated.ends_on', 'day') ~ ' + 1'
            ) }}
        end as elapsed_ratio
    from dated
    left join read_values on dated.key_result_id = read_values.asked_id
),

final as (
    select
        key_result_id,
        name,
        objective_id,
        objective_name,
        owner,
        metric_id,
        segment,
        unit,
        starts_on,
        ends_on,
        case
            when as_of_on is null then 'upcoming'
            when ends_on < {{ today() }} then 'ended'
            else 'running'
        end as status,
        baseline,
        target,
        reading,
        current_value,
        cast(coalesce(day_count, 0) as bigint) as day_count,
        measured_on,
        elapsed_ratio,
        baseline + elapsed_ratio * (target - baseline) as expected_value,
        {{ ratio('current_value - baseline', 'target - baseline') }} as progress_ratio,
        {{ ratio('(current_value - baseline)', '(target - baseline) * elapsed_ratio') }} as pace_ratio,
        {{ ratio('current_value - baseline', 'target - baseline') }} >= elapsed_ratio as is_on_track,
        case
            when not is_metric_known then 'unknown metric'
            when not is_daily then 'the metric has no value per day'
            when as_of_on is null then 'not begun'
            when current_value is null then 'the metric has no value in the last 28 days'
            when baseline is null or target is null then 'no baseline or target'
            when baseline = target then 'the target is the baseline'
        end as missing_reason
    from paced
)

select * from final
