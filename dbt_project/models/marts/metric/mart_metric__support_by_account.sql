{# Months in which something happened to an account's tickets, or one of them was open at the end. #}
with

events as (
    select
        events.*,
        {{ start_of('month', 'events.date_on') }} as month_start_on
    from {{ ref('int_support__ticket_events') }} as events
    where events.account_id is not null
),

changes as (
    select
        account_id,
        {{ start_of('month', 'date_on') }} as month_start_on,
        sum(step) as change
    from {{ ref('int_support__backlog_steps') }}
    where team_id = 'all' and account_id is not null
    group by account_id, {{ start_of('month', 'date_on') }}
),

beginnings as (
    select
        account_id,
        min(month_start_on) as first_month_on
    from events
    group by account_id
),

days as (
    {{ date_spine('(select min(events.date_on) from events)', today()) }}
),

months as (
    select distinct {{ start_of('month', 'date_on') }} as month_start_on from days
),

counted as (
    select
        month_start_on,
        account_id,
        {{ support_sums() }}
    from events
    group by month_start_on, account_id
),

open_at_end as (
    select
        beginnings.account_id,
        months.month_start_on,
        sum(coalesce(changes.change, 0)) over (
            partition by beginnings.account_id order by months.month_start_on
        ) as ticket_count
    from beginnings
    inner join months on beginnings.first_month_on <= months.month_start_on
    left join changes
        on beginnings.account_id = changes.account_id and months.month_start_on = changes.month_start_on
),

final as (
    select
        open_at_end.month_start_on,
        open_at_end.account_id,
        {{ support_columns('counted') }},
        cast(open_at_end.ticket_count as bigint) as backlog_ticket_count,
        {{ add_months('open_at_end.month_start_on', 1) }} <= {{ today() }} as is_complete
    from open_at_end
    left join counted
        on open_at_end.account_id = counted.account_id and open_at_end.month_start_on = counted.month_start_on
    where counted.account_id is not null or open_at_end.ticket_count > 0
)

select * from final
