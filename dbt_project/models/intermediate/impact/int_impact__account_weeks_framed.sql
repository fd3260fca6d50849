{#
  What each account was and did in each of the company's weeks. Segment, seats and revenue are as of the week's Sunday;
  subscribed is who paid on its Monday and its Sunday, so that weeks of coming and going do not look like little use.
  Revenue is at the exchange rates of now throughout: a new year's rates are no customer's doing.
#}
with

accounts as (
    select * from {{ ref('int_impact__accounts_framed') }}
),

weeks as (
    select * from {{ ref('int_impact__weeks_recorded') }}
),

spans as (
    select * from {{ ref('int_revenue__contract_spans') }}
    where monthly_amount > 0
),

rates as (
    select * from {{ ref('int_revenue__fiscal_rates') }}
    where starts_on <= {{ today() }} and ends_on > {{ today() }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

person_days as (
    select * from {{ ref('int_metric__person_days_active') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
    where account_id is not null
),

account_weeks as (
    select
        accounts.account_id,
        weeks.week,
        weeks.monday_on,
        weeks.sunday_on
    from accounts
    inner join weeks on accounts.signup_week <= weeks.week
),

on_sundays as (
    -- the largest line's seats: an add-on for the same people does not double them
    select
        spans.account_id,
        weeks.week,
        max(spans.seat_count) as seat_count,
        {{ stable_sum('spans.monthly_amount * rates.rate') }} as mrr
    from spans
    inner join weeks on spans.from_on <= weeks.sunday_on and spans.to_on > weeks.sunday_on
    inner join rates on spans.currency = rates.currency
    group by spans.account_id, weeks.week
),

on_mondays as (
    select distinct
        spans.account_id,
        weeks.week
    from spans
    inner join weeks on spans.from_on <= weeks.monday_on and spans.to_on > weeks.monday_on
),

active as (
    select
        account_id,
        cast({{ start_of('week', 'date_on') }} as timestamp) as active_week,
        count(distinct person_key) as wau
    from person_days
    where account_id is not null and person_key is not null
    group by account_id, cast({{ start_of('week', 'date_on') }} as timestamp)
),

asked as (
    select
        account_id,
        cast({{ start_of('week', to_local_date('created_at')) }} as timestamp) as asked_week,
        count(*) as tickets
    from tickets
    group by account_id, cast({{ start_of('week', to_local_date('created_at')) }} as timestamp)
),

rated as (
    select
        account_id,
        cast({{ start_of('week', to_local_date('csat_answered_at')) }} as timestamp) as rated_week,
        sum(case when csat_score = 'good' then 1 else 0 end) as csat_sum,
        count(*) as csat_n
    from tickets
    where csat_score is not null
    group by account_id, cast({{ start_of('week', to_local_date('csat_answered_at')) }} as timestamp)
),

final as (
    select
        account_weeks.account_id,
        account_weeks.week,
        segments.segment,
        cast(on_sundays.seat_count as bigint) as seats,
        cast(
            case
                when on_sundays.account_id is not null and on_mondays.account_id is not null then 1 else 0
            end as bigint
        ) as subscribed,
        cast(coalesce(active.wau, 0) as bigint) as wau,
        cast(coalesce(asked.tickets, 0) as bigint) as tickets,
        coalesce(on_sundays.mrr, 0) as mrr,
        cast(coalesce(rated.csat_sum, 0) as bigint) as csat_sum,
        cast(coalesce(rated.csat_n, 0) as bigint) as csat_n
    from account_weeks
    left join segments
        on
            account_weeks.account_id = segments.account_id
            and account_weeks.sunday_on >= segments.valid_from_on
            and account_weeks.sunday_on < segments.valid_to_on
    left join on_sundays
        on account_weeks.account_id = on_sundays.account_id and account_weeks.week = on_sundays.week
    left join on_mondays
        on account_weeks.account_id = on_mondays.account_id and account_weeks.week = on_mondays.week
    left join active on account_weeks.account_id = active.account_id and account_weeks.week = active.active_week
    left join asked on account_weeks.account_id = asked.account_id and account_weeks.week = asked.asked_week
    left join rated on account_weeks.account_id = rated.account_id and account_weeks.week = rated.rated_week
)

select * from final
