{% set last_period = {'day': 28, 'week': 52} %}
{% set period_days = {'day': 1, 'week': 7} %}
with

person_days as (
    select distinct
        person_key,
        account_id,
        date_on
    from {{ ref('int_metric__person_days_active') }}
    where person_key is not null and date_on <= {{ today() }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

recording as (
    select min(date_on) as first_on from person_days
),

-- A person begins once, in the account of that day.
beginnings as (
    select
        person_key,
        account_id,
        date_on as first_on
    from (
        select
            person_days.*,
            row_number() over (partition by person_key order by date_on, account_id nulls last) as choice
        from person_days
    ) as ranked_days
    where choice = 1
),

members as (
    select
        beginnings.person_key,
        beginnings.first_on,
        {{ start_of('week', 'beginnings.first_on') }} as cohort_week_on,
        segments.segment
    from beginnings
    left join segments
        on
            beginnings.account_id = segments.account_id
            and beginnings.first_on >= segments.valid_from_on
            and beginnings.first_on < segments.valid_to_on
),

-- Days since the own first day, of everybody on every active day.
offsets as (
    select distinct
        members.person_key,
        members.cohort_week_on,
        members.segment,
        {{ dbt.datediff('members.first_on', 'person_days.date_on', 'day') }} as day_number
    from members
    inner join person_days on members.person_key = person_days.person_key
),

periods as (
    {%- for unit in period_days %}
    select distinct
        person_key,
        cohort_week_on,
        segment,
        '{{ unit }}' as period_unit,
        cast((day_number - mod(day_number, {{ period_days[unit] }})) / {{ period_days[unit] }} as int) as period_number
    from offsets
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

periods_marked as (
    select
        periods.*,
        case
            when lead(period_number) over (partition by person_key, period_unit order by period_number) is null then 1
            else 0
        end as is_last
    from periods
),

periods_by_segment as (
    select cohort_week_on, segment, period_unit, period_number, is_last from periods_marked where segment is not null
    union all
    select cohort_week_on, 'all' as segment, period_unit, period_number, is_last from periods_marked
),

returns as (
    select
        cohort_week_on,
        segment,
        period_unit,
        period_number,
        count(*) as returned_person_count,
        sum(is_last) as ended_person_count
    from periods_by_segment
    group by cohort_week_on, segment, period_unit, period_number
),

cohorts as (
    select
        cohort_week_on,
        segment,
        returned_person_count as person_count
    from returns
    where period_unit = 'day' and period_number = 0
),

numbers as (
    {%- for unit in period_days %}
    select
        '{{ unit }}' as period_unit,
        cast(series.generated_number - 1 as int) as period_number,
        -- Of whoever began on the last day of the week, the period's last day.
        cast(6 + series.generated_number * {{ period_days[unit] }} - 1 as int) as last_day_number
    from ({{ number_series(last_period[unit] + 1) }}) as series
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

-- A cell is there once every member of the cohort has had the time.
cells as (
    select
        cohorts.cohort_week_on,
        cohorts.segment,
        cohorts.person_count,
        numbers.period_unit,
        numbers.period_number
    from cohorts
    inner join numbers on {{ add_days('cohorts.cohort_week_on', 'numbers.last_day_number') }} < {{ today() }}
),

counted as (
    select
        cells.cohort_week_on,
        cells.segment,
        cells.period_unit,
        cells.period_number,
        cells.person_count,
        coalesce(returns.returned_person_count, 0) as returned_person_count,
        coalesce(returns.ended_person_count, 0) as ended_person_count,
        -- Whoever did not end before is still there: the matrix and its survival form are one.
        cells.person_count - coalesce(
            sum(coalesce(returns.ended_person_count, 0)) over (
                partition by cells.cohort_week_on, cells.segment, cells.period_unit
                order by cells.period_number
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as unbounded_person_count
    from cells
    left join returns
        on
            cells.cohort_week_on = returns.cohort_week_on
            and cells.segment = returns.segment
            and cells.period_unit = returns.period_unit
            and cells.period_number = returns.period_number
),

final as (
    select
        counted.cohort_week_on,
        counted.segment,
        counted.period_unit,
        cast(counted.period_number as bigint) as period_number,
        cast(counted.person_count as bigint) as person_count,
        cast(counted.returned_person_count as bigint) as returned_person_count,
        cast(counted.unbounded_person_count as bigint) as unbounded_person_count,
        cast(counted.ended_person_count as bigint) as ended_person_count,
        {{ ratio('counted.returned_person_count', 'counted.person_count') }} as returned_ratio,
        {{ ratio('counted.unbounded_person_count', 'counted.person_count') }} as unbounded_ratio,
        counted.cohort_week_on < {{ add_days('recording.first_on', 28) }} as is_start_of_recording
    from counted
    cross join recording
)

select * from final
