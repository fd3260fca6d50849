with

movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

daily as (
    select * from {{ ref('fct_mrr_daily') }}
),

month_days as (
    {{ date_spine('(select ' ~ start_of('month', 'min(daily.date_on)') ~ ' from daily)', today()) }}
),

months as (
    select
        date_on as month_start_on,
        row_number() over (order by date_on) as month_number,
        case
            when {{ add_months('date_on', 1) }} <= {{ today() }} then {{ add_days(add_months('date_on', 1), -1) }}
            else {{ today() }}
        end as closing_on,
        {{ add_months('date_on', 1) }} <= {{ today() }} as is_complete
    from month_days
    where date_on = {{ start_of('month', 'date_on') }}
),

segment_names as (
    select segment from daily
    union
    select segment from movements
    union
    select 'all' as segment
),

cells as (
    select
        months.month_start_on,
        months.month_number,
        months.is_complete,
        segment_names.segment
    from months
    cross join segment_names
),

-- Each account at the end of each month, in its segment then.
month_ends as (
    select
        months.month_number,
        daily.account_id,
        daily.segment,
        daily.mrr_amount
    from months
    inner join daily on months.closing_on = daily.date_on
),

standings as (
    select month_number, segment, account_id, mrr_amount from month_ends
    union all
    select month_number, 'all' as segment, account_id, mrr_amount from month_ends
),

closings as (
    select
        month_number,
        segment,
        sum(mrr_amount) as mrr_amount,
        count(*) as customer_count
    from standings
    group by month_number, segment
),

doubled_movements as (
    select month_start_on, segment, account_id, movement_type, mrr_amount from movements
    union all
    select month_start_on, 'all' as segment, account_id, movement_type, mrr_amount from movements
),

moved as (
    select
        month_start_on,
        segment,
        {%- for type in ['new', 'reactivation', 'expansion', 'contraction', 'churn', 'segment_transfer', 'fx_restatement'] %}
        sum(case when movement_type = '{{ type }}' then mrr_amount else 0 end) as {{ type }}_amount,
        {%- endfor %}
        count(distinct case when movement_type = 'new' then account_id end) as new_customer_count,
        count(distinct case when movement_type = 'reactivation' then account_id end) as reactivated_customer_count,
        count(distinct case when movement_type = 'churn' then account_id end) as churned_customer_count
    from doubled_movements
    group by month_start_on, segment
),

windows as (
    select 1 as window_months
    union all
    select 3 as window_months
    union all
    select 12 as window_months
),

-- What the new years' rates up to a month have made of one unit of an account's revenue.
rate_levels as (
    select
        movements.account_id,
        months.month_number,
        exp(sum(ln(
            1 + {{ ratio('movements.mrr_amount', 'movements.opening_mrr_amount') }}
        ))) as rate_level
    from movements
    inner join months on movements.month_start_on <= months.month_start_on
    where movements.movement_type = 'fx_restatement'
    group by movements.account_id, months.month_number
),

-- Whoever paid at the start of a window, with all their movements in it up to the first churn, and after it.
cohorts as (
    select
        standings.segment,
        windows.window_months,
        standings.month_number + windows.window_months as month_number,
        standings.month_number as cohort_month_number,
        standings.account_id,
        standings.mrr_amount as opening_mrr_amount,
        coalesce(rate_levels.rate_level, 1) as rate_level
    from standings
    cross join windows
    inner join months on standings.month_number + windows.window_months = months.month_number
    left join rate_levels
        on standings.account_id = rate_levels.account_id and standings.month_number = rate_levels.month_number
),

numbered_movements as (
    select
        movements.account_id,
        movements.movement_type,
        movements.mrr_amount,
        months.month_number,
        coalesce(rate_levels.rate_level, 1) as rate_level
    from movements
    inner join months on movements.month_start_on = months.month_start_on
    left join rate_levels
        on movements.account_id = rate_levels.account_id and months.month_number = rate_levels.month_number
    where movements.movement_type in ('new', 'reactivation', 'expansion', 'contraction', 'churn')
),

churns as (
    select distinct
        cohorts.segment,
        cohorts.window_months,
        cohorts.month_number,
        cohorts.account_id
    from cohorts
    inner join numbered_movements
        on
            cohorts.account_id = numbered_movements.account_id
            and numbered_movements.month_number > cohorts.cohort_month_number
            and numbered_movements.month_number <= cohorts.month_number
    where numbered_movements.movement_type = 'churn'
),

-- At the rates of the window's opening: what a new year's rates make of an opening is no customer's doing, and a
-- customer who leaves takes all of it along, never more.
window_movements as (
    select
        cohorts.segment,
        cohorts.window_months,
        cohorts.month_number,
        cohorts.account_id,
        cohorts.opening_mrr_amount,
        numbered_movements.movement_type,
        cast(
            numbered_movements.mrr_amount * cohorts.rate_level / numbered_movements.rate_level as {{ type_amount() }}
        ) as mrr_amount
    from cohorts
    left join numbered_movements
        on
            cohorts.account_id = numbered_movements.account_id
            and numbered_movements.month_number > cohorts.cohort_month_number
            and numbered_movements.month_number <= cohorts.month_number
),

summed as (
    select
        segment,
        window_months,
        month_number,
        account_id,
        opening_mrr_amount,
        sum(case when movement_type in ('expansion', 'contraction') then mrr_amount else 0 end) as changed_mrr_amount,
        sum(coalesce(mrr_amount, 0)) as moved_mrr_amount
    from window_movements
    group by segment, window_months, month_number, account_id, opening_mrr_amount
),

retained as (
    select
        summed.segment,
        summed.window_months,
        summed.month_number,
        summed.account_id,
        summed.opening_mrr_amount,
        case when churns.account_id is not null then 1 else 0 end as churned,
        case
            when churns.account_id is not null then 0
            else summed.opening_mrr_amount + summed.changed_mrr_amount
        end as retained_mrr_amount,
        summed.opening_mrr_amount + summed.moved_mrr_amount as retained_incl_mrr_amount
    from summed
    left join churns
        on
            summed.segment = churns.segment
            and summed.window_months = churns.window_months
            and summed.month_number = churns.month_number
            and summed.account_id = churns.account_id
),

ratios as (
    select
        segment,
        window_months,
        month_number,
        {{ ratio('sum(retained_mrr_amount)', 'sum(opening_mrr_amount)') }} as nrr_ratio,
        {{ ratio(
            'sum(case when retained_mrr_amount < opening_mrr_amount then retained_mrr_amount else opening_mrr_amount end)',
            'sum(opening_mrr_amount)'
        ) }} as grr_ratio,
        {{ ratio('sum(retained_incl_mrr_amount)', 'sum(opening_mrr_amount)') }} as nrr_incl_reactivation_ratio,
        {{ ratio('sum(churned)', 'count(*)') }} as logo_churn_ratio
    from retained
    group by segment, window_months, month_number
),

currencies as (
    select max(currency) as currency from daily
),

final as (
    select
        cells.month_start_on,
        cells.segment,
        cast(coalesce(openings.mrr_amount, 0) as {{ type_amount() }}) as opening_mrr_amount,
        cast(coalesce(moved.new_amount, 0) as {{ type_amount() }}) as new_amount,
        cast(coalesce(moved.reactivation_amount, 0) as {{ type_amount() }}) as reactivation_amount,
        cast(coalesce(moved.expansion_amount, 0) as {{ type_amount() }}) as expansion_amount,
        cast(-coalesce(moved.contraction_amount, 0) as {{ type_amount() }}) as contraction_amount,
        cast(-coalesce(moved.churn_amount, 0) as {{ type_amount() }}) as churn_amount,
        cast(coalesce(moved.segment_transfer_amount, 0) as {{ type_amount() }}) as segment_transfer_amount,
        cast(coalesce(moved.fx_restatement_amount, 0) as {{ type_amount() }}) as fx_restatement_amount,
        cast(coalesce(closings.mrr_amount, 0) as {{ type_amount() }}) as closing_mrr_amount,
        cast(12 * coalesce(closings.mrr_amount, 0) as {{ type_amount() }}) as closing_arr_amount,
        cast(coalesce(openings.customer_count, 0) as bigint) as opening_customer_count,
        cast(coalesce(moved.new_customer_count, 0) as bigint) as new_customer_count,
        cast(coalesce(moved.reactivated_customer_count, 0) as bigint) as reactivated_customer_count,
        cast(coalesce(moved.churned_customer_count, 0) as bigint) as churned_customer_count,
        cast(coalesce(closings.customer_count, 0) as bigint) as closing_customer_count,
        currencies.currency,
        monthly.nrr_ratio as nrr_1m_ratio,
        monthly.grr_ratio as grr_1m_ratio,
        quarterly.nrr_ratio as nrr_3m_ratio,
        quarterly.grr_ratio as grr_3m_ratio,
        yearly.nrr_ratio as nrr_12m_ratio,
        yearly.grr_ratio as grr_12m_ratio,
        yearly.nrr_incl_reactivation_ratio as nrr_12m_incl_reactivation_ratio,
        monthly.logo_churn_ratio as logo_churn_1m_ratio,
        yearly.logo_churn_ratio as logo_churn_12m_ratio,
        {{ ratio(
            'moved.new_amount + moved.reactivation_amount + moved.expansion_amount',
            '-(moved.contraction_amount + moved.churn_amount)'
        ) }} as quick_ratio,
        cells.is_complete
    from cells
    cross join currencies
    left join closings as openings
        on cells.month_number - 1 = openings.month_number and cells.segment = openings.segment
    left join closings on cells.month_number = closings.month_number and cells.segment = closings.segment
    left join moved on cells.month_start_on = moved.month_start_on and cells.segment = moved.segment
    left join ratios as monthly
        on cells.month_number = monthly.month_number and cells.segment = monthly.segment and monthly.window_months = 1
    left join ratios as quarterly
        on
            cells.month_number = quarterly.month_number and cells.segment = quarterly.segment
            and quarterly.window_months = 3
    left join ratios as yearly
        on cells.month_number = yearly.month_number and cells.segment = yearly.segment and yearly.window_months = 12
)

select * from final
