-- The single values that windows are read from are those behind the daily medians: none too many, none missing.
with

medians as (
    select
        metric_id,
        segment,
        date_on,
        {{ percentile('value', 0.5) }} as value
    from {{ ref('int_impact__metric_samples') }}
    where date_on < {{ today() }}
    group by metric_id, segment, date_on
),

daily as (
    select
        metric_days.metric_id,
        metric_days.segment,
        metric_days.date_on,
        metric_days.value
    from {{ ref('int_impact__metric_days') }} as metric_days
    inner join {{ ref('dim_metrics') }} as metrics on metric_days.metric_id = metrics.metric_id
    where metrics.reading = 'median_28_days'
)

select
    medians.value as median_value,
    daily.*
from daily
full outer join medians
    on
        daily.metric_id = medians.metric_id
        and daily.segment = medians.segment
        and daily.date_on = medians.date_on
where daily.value is null or medians.value is null or abs(daily.value - medians.value) > 0.000001
