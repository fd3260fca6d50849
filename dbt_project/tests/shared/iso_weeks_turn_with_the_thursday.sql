-- Known days at turns of years: 2026-01-01 is a Thursday, 2027-01-01 a Friday of 2026's 53rd week.
select
    known.date_on,
    dates.iso_year,
    dates.iso_week
from (
    select cast('2025-12-29' as date) as date_on, 2026 as iso_year, 1 as iso_week
    union all
    select cast('2026-01-01' as date) as date_on, 2026 as iso_year, 1 as iso_week
    union all
    select cast('2026-12-31' as date) as date_on, 2026 as iso_year, 53 as iso_week
    union all
    select cast('2027-01-03' as date) as date_on, 2026 as iso_year, 53 as iso_week
) as known
inner join {{ ref('dim_dates') }} as dates on known.date_on = dates.date_on
where dates.iso_year <> known.iso_year or dates.iso_week <> known.iso_week
