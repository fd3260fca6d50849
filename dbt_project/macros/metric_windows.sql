{#
  A metric over the window that ends with a day, as its reading says (`dim_metrics.reading`): what pages, key results
  and decisions show as one number is computed here, and on the pages in `standing.py`.

  `asked`: a CTE of asked_id, metric_id, segment, reading, to_on. One row per asked_id that has any value: asked_id,
  value, day_count (days it stands on), last_on (the last of them).
#}
{% macro read_metric_windows(asked) -%}
    select
        days_read.asked_id,
        case
            when max(days_read.reading) = 'ratio_28_days'
                then {{ ratio('sum(days_read.numerator)', 'sum(days_read.denominator)') }}
            else {{ stable_sum('days_read.value') }} / count(*)
        end as value,
        count(*) as day_count,
        max(days_read.date_on) as last_on
    from (
        select
            {{ asked }}.asked_id,
            {{ asked }}.reading,
            {{ asked }}.to_on,
            metric_days.date_on,
            metric_days.value,
            metric_days.numerator,
            metric_days.denominator,
            row_number() over (partition by {{ asked }}.asked_id order by metric_days.date_on desc) as recency
        from {{ asked }}
        inner join {{ ref('int_impact__metric_days') }} as metric_days
            on
                {{ asked }}.metric_id = metric_days.metric_id
                and {{ asked }}.segment = metric_days.segment
                and {{ asked }}.to_on >= metric_days.date_on
                and {{ add_days(asked ~ '.to_on', -28) }} < metric_days.date_on
    ) as days_read
    where
        days_read.reading in ('mean_28_days', 'ratio_28_days')
        or (days_read.reading = 'mean_7_days' and days_read.date_on > {{ add_days('days_read.to_on', -7) }})
        or (days_read.reading = 'last_day' and days_read.recency = 1)
    group by days_read.asked_id

    union all

    -- the median of the days' medians would weigh a day with one ticket like one with fifty
    select
        {{ asked }}.asked_id,
        {{ percentile('samples.value', 0.5) }} as value,
        count(distinct samples.date_on) as day_count,
        max(samples.date_on) as last_on
    from {{ asked }}
    inner join {{ ref('int_impact__metric_samples') }} as samples
        on
            {{ asked }}.metric_id = samples.metric_id
            and {{ asked }}.segment = samples.segment
            and {{ asked }}.to_on >= samples.date_on
            and {{ add_days(asked ~ '.to_on', -28) }} < samples.date_on
    where {{ asked }}.reading = 'median_28_days'
    group by {{ asked }}.asked_id
{%- endmacro %}
