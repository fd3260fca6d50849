-- The same fact has the same value everywhere, whatever it is cut by.
with

weeks as (
    select *
    from {{ ref('mart_metric__support_performance') }}
    where period_unit = 'week' and team_id = 'all'
),

themes as (
    select *
    from {{ ref('mart_metric__support_by_theme') }}
    where period_unit = 'week' and theme_id = 'all'
)

select
    weeks.starts_on,
    weeks.segment
from weeks
full outer join themes on weeks.starts_on = themes.starts_on and weeks.segment = themes.segment
where
    weeks.starts_on is null
    or themes.starts_on is null
    or weeks.created_ticket_count <> themes.created_ticket_count
    or weeks.first_reply_count <> themes.first_reply_count
    or weeks.full_resolution_count <> themes.full_resolution_count
    or weeks.backlog_ticket_count <> themes.backlog_ticket_count
