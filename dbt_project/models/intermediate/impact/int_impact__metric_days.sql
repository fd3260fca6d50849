{# The days that decisions and key results are read from: a mean over days needs the days on which nothing happened. #}
with

metric_values as (
    select * from {{ ref('mart_metric__daily') }}
),

metrics as (
    select
        metric_id,
        empty_day
    from {{ ref('dim_metrics') }}
),

cells as (
    select distinct
        metric_id,
        segment
    from metric_values
),

first_days as (
    -- before a metric's first day nothing is known, of no segment
    select
        metric_id,
        min(date_on) as first_on
    from metric_values
    group by metric_id
),

days as (
    {{ date_spine("(select min(first_days.first_on) from first_days)", add_days(today(), -1)) }}
),

final as (
    select
        cells.metric_id,
        cells.segment,
        days.date_on,
        case
            when metric_values.value is not null then metric_values.value
            else cast(0 as {{ type_double() }})
        end as value,
        metric_values.numerator,
        metric_values.denominator
    from cells
    inner join metrics on cells.metric_id = metrics.metric_id
    inner join first_days on cells.metric_id = first_days.metric_id
    inner join days on first_days.first_on <= days.date_on
    left join metric_values
        on
            cells.metric_id = metric_values.metric_id
            and cells.segment = metric_values.segment
            and days.date_on = metric_values.date_on
    where
        metric_values.value is not null
        or metrics.empty_day = 'zero'
)

select * from final
