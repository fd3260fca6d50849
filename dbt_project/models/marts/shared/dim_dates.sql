with

-- Fifteen years back reach behind what a CRM or a tracker holds; governed fiscal years may begin earlier still.
first_days as (
    select {{ start_of('year', 'starts_on') }} as first_on from {{ ref('stg_governance__fiscal_years') }}
    union all
    select {{ add_months(start_of('year', today()), -180) }} as first_on
),

days as (
    {{ date_spine("(select min(first_days.first_on) from first_days)", spine_end()) }}
),

fiscal_years as (
    select
        fiscal_year,
        starts_on,
        coalesce(lead(starts_on) over (order by starts_on), cast('2999-01-01' as date)) as ends_on
    from {{ ref('stg_governance__fiscal_years') }}
),

-- The company's calendar is the one named default, else the first.
company_calendar as (
    select calendar_id
    from (
        select
            calendar_id,
            row_number() over (order by case when calendar_id = 'default' then 0 else 1 end, calendar_id) as choice
        from {{ ref('stg_governance__calendars') }}
    ) as calendars
    where choice = 1
),

holidays as (
    select distinct holidays.holiday_on
    from {{ ref('stg_governance__holidays') }} as holidays
    inner join company_calendar on holidays.calendar_id = company_calendar.calendar_id
),

work_days as (
    select
        work_hours.weekday,
        coalesce(work_hours.valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(work_hours.valid_to, cast('2999-01-01' as date)) as valid_to
    from {{ ref('stg_governance__work_hours') }} as work_hours
    inner join company_calendar on work_hours.calendar_id = company_calendar.calendar_id
),

dated as (
    select
        days.date_on,
        {{ day_of_week('days.date_on') }} as day_of_week,
        {{ start_of('week', 'days.date_on') }} as week_start_on,
        {{ start_of('month', 'days.date_on') }} as month_start_on,
        {{ start_of('quarter', 'days.date_on') }} as quarter_start_on,
        -- The ISO week belongs to the year of its Thursday.
        extract(year from {{ add_days(start_of('week', 'days.date_on'), 3) }}) as iso_year,
        extract(year from days.date_on) as calendar_year,
        extract(month from days.date_on) as calendar_month
    from days
),

marked as (
    select
        dated.*,
        fiscal_years.fiscal_year,
        holidays.holiday_on is not null as is_holiday,
        dated.day_of_week in (6, 7) as is_weekend,
        case
            when (select count(*) from work_days) = 0 then dated.day_of_week <= 5
            else exists (
                select 1 from work_days
                where
                    work_days.weekday = dated.day_of_week
                    and dated.date_on >= work_days.valid_from
                    and dated.date_on < work_days.valid_to
            )
        end as is_work_weekday
    from dated
    left join fiscal_years
        on dated.date_on >= fiscal_years.starts_on and dated.date_on < fiscal_years.ends_on
    left join holidays on dated.date_on = holidays.holiday_on
),

final as (
    select
        date_on,
        cast(iso_year as bigint) as iso_year,
        -- The first ISO week is the one with January 4th.
        cast(
            {{ dbt.datediff(
                start_of('week', "cast(cast(iso_year as " ~ type_text() ~ ") || '-01-04' as date)"), 'week_start_on',
                'day'
            ) }} / 7 + 1 as bigint
        ) as iso_week,
        week_start_on,
        month_start_on,
        quarter_start_on,
        cast(calendar_year as bigint) as year,
        cast(calendar_month as bigint) as month,
        cast(day_of_week as bigint) as day_of_week,
        -- Before the first governed year the calendar's year stands in.
        cast(coalesce(fiscal_year, calendar_year) as bigint) as fiscal_year,
        is_weekend,
        is_holiday,
        is_work_weekday and not is_holiday as is_working_day,
        cast(
            sum(case when is_work_weekday and not is_holiday then 1 else 0 end) over (order by date_on) as bigint
        ) as working_day_index,
        {{ add_days('date_on', 1) }} = {{ add_months('month_start_on', 1) }} as is_month_end,
        date_on < {{ today() }} as is_complete
    from marked
)

select * from final
