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

metric_days as (
    select * from {{ ref('int_impact__metric_days') }}
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

readable_days as (
    select
        dated.key_result_id,
        dated.reading,
        metric_days.date_on,
        metric_days.value,
        row_number() over (partition by dated.key_result_id order by metric_days.date_on desc) as recency
    from dated
    inner join metric_days
        on
            dated.metric_id = metric_days.metric_id
            and dated.segment = metric_days.segment
            and dated.as_of_on >= metric_days.date_on
            and {{ add_days('dated.as_of_on', -28) }} < metric_days.date_on
            and dated.starts_on <= metric_days.date_on
),

read_values as (
    select
        key_result_id,
        {{ stable_sum('value') }} / count(*) as current_value,
        count(*) as day_count,
        max(date_on) as measured_on
    from readable_days
    where
        reading = 'mean_28_days'
        or recency = 1
    group by key_result_id
),

paced as (
    select
        dated.*,
        read_values.current_value,
        read_values.day_count,
        read_values.measured_on,
        case
            when dated.as_of_on is null then cast(0 as {{ type_double() }})
            else {{ ratio(
                dbt.datediff('dated.starts_on', 'dated.as_of_on', 'day') ~ ' + 1',
                dbt.datediff('dated.starts_on', 'dated.ends_on', 'day') ~ ' + 1'
            ) }}
        end as elapsed_ratio
    from dated
    left join read_values on dated.key_result_id = read_values.key_result_id
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
            when current_value is null then 'the metric has no value in the last 28 days of the period'
            when baseline is null or target is null then 'no baseline or target'
            when baseline = target then 'the target is the baseline'
        end as missing_reason
    from paced
)

select * from final
