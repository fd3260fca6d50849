{#
  When each governed calendar is open: one row per calendar, local day and stretch of opening, in UTC. Hours that
  overlap are one stretch, so nothing counts twice; a holiday has none. A day without opening has one row of no
  length, so that any moment finds the seconds of opening before it by its local day alone: that makes the business
  time between two moments a difference of two look-ups, however far apart they are. Days of 23 or 25 hours are what
  the time zone says, since a stretch is measured between its two instants.
#}
with

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

work_hours as (
    select
        calendar_id,
        weekday,
        cast({{ dbt.split_part('starts_at', "':'", 1) }} as bigint) * 60
        + cast({{ dbt.split_part('starts_at', "':'", 2) }} as bigint) as from_minute,
        cast({{ dbt.split_part('ends_at', "':'", 1) }} as bigint) * 60
        + cast({{ dbt.split_part('ends_at', "':'", 2) }} as bigint) as to_minute,
        coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('2999-01-01' as date)) as valid_to
    from {{ ref('stg_governance__work_hours') }}
),

-- A calendar without hours says nothing, which is not the same as never open.
calendars as (
    select distinct
        calendars.calendar_id,
        calendars.time_zone
    from {{ ref('stg_governance__calendars') }} as calendars
    inner join work_hours on calendars.calendar_id = work_hours.calendar_id
),

holidays as (
    select distinct
        calendar_id,
        holiday_on
    from {{ ref('stg_governance__holidays') }}
),

days as (
    {{ date_spine(
        '(select ' ~ add_days('cast(min(tickets.created_at) as date)', -1) ~ ' from tickets)', add_days(today(), 1)
    ) }}
),

calendar_days as (
    select
        calendars.calendar_id,
        calendars.time_zone,
        days.date_on
    from calendars
    cross join days
),

open_hours as (
    select
        calendar_days.calendar_id,
        calendar_days.time_zone,
        calendar_days.date_on,
        work_hours.from_minute,
        work_hours.to_minute,
        max(work_hours.to_minute) over (
            partition by calendar_days.calendar_id, calendar_days.date_on
            order by work_hours.from_minute, work_hours.to_minute
            rows between unbounded preceding and 1 preceding
        ) as reached_minute
    from calendar_days
    inner join work_hours
        on
            calendar_days.calendar_id = work_hours.calendar_id
            and {{ day_of_week('calendar_days.date_on') }} = work_hours.weekday
            and calendar_days.date_on >= work_hours.valid_from
            and calendar_days.date_on < work_hours.valid_to
    left join holidays
        on calendar_days.calendar_id = holidays.calendar_id and calendar_days.date_on = holidays.holiday_on
    where holidays.holiday_on is null
),

numbered as (
    select
        open_hours.*,
        sum(case when from_minute <= reached_minute then 0 else 1 end) over (
            partition by calendar_id, date_on
            order by from_minute, to_minute
            rows between unbounded preceding and current row
        ) as window_number
    from open_hours
),

merged as (
    select
        calendar_id,
        time_zone,
        date_on,
        window_number,
        {{ dbt.dateadd('minute', 'cast(min(from_minute) as int)', 'cast(date_on as timestamp)') }} as starts_locally_at,
        {{ dbt.dateadd('minute', 'cast(max(to_minute) as int)', 'cast(date_on as timestamp)') }} as ends_locally_at
    from numbered
    group by calendar_id, time_zone, date_on, window_number
),

dense as (
    select
        calendar_days.calendar_id,
        calendar_days.time_zone,
        calendar_days.date_on,
        coalesce(merged.window_number, 1) as window_number,
        {{ from_local(
            'coalesce(merged.starts_locally_at, cast(calendar_days.date_on as timestamp))', 'calendar_days.time_zone'
        ) }} as starts_at,
        {{ from_local(
            'coalesce(merged.ends_locally_at, cast(calendar_days.date_on as timestamp))', 'calendar_days.time_zone'
        ) }} as ends_at
    from calendar_days
    left join merged
        on calendar_days.calendar_id = merged.calendar_id and calendar_days.date_on = merged.date_on
),

measured as (
    select
        dense.*,
        cast({{ seconds_between('dense.starts_at', 'dense.ends_at') }} as {{ type_amount() }}) as duration_seconds
    from dense
),

final as (
    select
        calendar_id,
        time_zone,
        date_on,
        window_number,
        starts_at,
        ends_at,
        duration_seconds,
        coalesce(
            sum(duration_seconds) over (
                partition by calendar_id
                order by date_on, window_number
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as seconds_before
    from measured
)

select * from final
