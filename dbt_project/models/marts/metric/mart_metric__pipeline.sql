{% set carried = 'cohort_basis, month_start_on, status, reporting_amount, slipped_days, sales_cycle_days' %}
with

deals as (
    select
        deals.deal_type,
        deals.segment,
        deals.status,
        deals.reporting_amount,
        deals.slipped_days,
        deals.sales_cycle_days,
        {{ start_of('month', to_local_date('deals.created_at')) }} as created_month_on,
        {{ start_of('month', to_local_date('deals.closed_at')) }} as closed_month_on
    from {{ ref('fct_deals') }} as deals
),

currencies as (
    select max(currency) as currency from {{ ref('fct_mrr_daily') }}
),

cohorts as (
    select 'created' as cohort_basis, deals.created_month_on as month_start_on, deals.*
    from deals
    union all
    select 'closed' as cohort_basis, deals.closed_month_on as month_start_on, deals.*
    from deals
    where deals.closed_month_on is not null
),

by_type as (
    select {{ carried }}, deal_type, segment
    from cohorts
    where deal_type is not null
    union all
    select {{ carried }}, 'all' as deal_type, segment
    from cohorts
),

by_segment as (
    select {{ carried }}, deal_type, segment
    from by_type
    where segment is not null
    union all
    select {{ carried }}, deal_type, 'all' as segment
    from by_type
),

counted as (
    select
        cohort_basis,
        month_start_on,
        deal_type,
        segment,
        count(*) as deal_count,
        sum(case when status = 'open' then 1 else 0 end) as open_deal_count,
        sum(case when status = 'open' then coalesce(reporting_amount, 0) else 0 end) as open_amount,
        sum(case when status = 'won' then 1 else 0 end) as won_deal_count,
        sum(case when status = 'won' then coalesce(reporting_amount, 0) else 0 end) as won_amount,
        sum(case when status = 'lost' then 1 else 0 end) as lost_deal_count,
        sum(case when status = 'lost' then coalesce(reporting_amount, 0) else 0 end) as lost_amount,
        {{ percentile('case when status = ' ~ "'won'" ~ ' then sales_cycle_days end', 0.5) }} as sales_cycle_days_p50,
        {{ percentile('case when status = ' ~ "'won'" ~ ' then sales_cycle_days end', 0.85) }} as sales_cycle_days_p85,
        count(slipped_days) as dated_deal_count,
        sum(case when slipped_days > 0 then 1 else 0 end) as slipped_deal_count,
        {{ percentile('case when slipped_days > 0 then slipped_days end', 0.5) }} as slipped_days_p50
    from by_segment
    group by cohort_basis, month_start_on, deal_type, segment
),

final as (
    select
        counted.cohort_basis,
        counted.month_start_on,
        counted.deal_type,
        counted.segment,
        cast(counted.deal_count as bigint) as deal_count,
        cast(counted.open_deal_count as bigint) as open_deal_count,
        cast(counted.won_deal_count as bigint) as won_deal_count,
        cast(counted.lost_deal_count as bigint) as lost_deal_count,
        cast(counted.open_amount as {{ type_amount() }}) as open_amount,
        cast(counted.won_amount as {{ type_amount() }}) as won_amount,
        cast(counted.lost_amount as {{ type_amount() }}) as lost_amount,
        currencies.currency,
        {{ ratio('counted.won_deal_count', 'counted.won_deal_count + counted.lost_deal_count') }} as win_ratio,
        {{ ratio('counted.won_amount', 'counted.won_amount + counted.lost_amount') }} as win_amount_ratio,
        {{ ratio('counted.won_deal_count + counted.lost_deal_count', 'counted.deal_count') }} as decided_ratio,
        counted.sales_cycle_days_p50,
        counted.sales_cycle_days_p85,
        cast(counted.slipped_deal_count as bigint) as slipped_deal_count,
        {{ ratio('counted.slipped_deal_count', 'counted.dated_deal_count') }} as slipped_ratio,
        cast(counted.slipped_days_p50 as {{ type_double() }}) as slipped_days_p50,
        counted.open_deal_count = 0 and {{ add_months('counted.month_start_on', 1) }} <= {{ today() }} as is_complete
    from counted
    cross join currencies
)

select * from final
