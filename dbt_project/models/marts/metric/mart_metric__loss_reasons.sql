{% set carried = 'month_start_on, loss_reason, account_id, reporting_amount' %}
with

lost as (
    select
        account_id,
        deal_type,
        segment,
        reporting_amount,
        coalesce(loss_reason, 'not given') as loss_reason,
        {{ start_of('month', to_local_date('closed_at')) }} as month_start_on
    from {{ ref('fct_deals') }}
    where status = 'lost' and closed_at is not null
),

currencies as (
    select max(currency) as currency from {{ ref('fct_mrr_daily') }}
),

by_type as (
    select {{ carried }}, deal_type, segment
    from lost
    where deal_type is not null
    union all
    select {{ carried }}, 'all' as deal_type, segment
    from lost
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
        month_start_on,
        deal_type,
        segment,
        loss_reason,
        count(*) as lost_deal_count,
        count(distinct account_id) as lost_account_count,
        sum(coalesce(reporting_amount, 0)) as lost_amount
    from by_segment
    group by month_start_on, deal_type, segment, loss_reason
),

final as (
    select
        counted.month_start_on,
        counted.deal_type,
        counted.segment,
        counted.loss_reason,
        cast(counted.lost_deal_count as bigint) as lost_deal_count,
        cast(counted.lost_account_count as bigint) as lost_account_count,
        cast(counted.lost_amount as {{ type_amount() }}) as lost_amount,
        currencies.currency,
        {{ ratio(
            'counted.lost_deal_count',
            'sum(counted.lost_deal_count) over (partition by month_start_on, deal_type, segment)'
        ) }} as lost_deal_ratio,
        {{ add_months('counted.month_start_on', 1) }} <= {{ today() }} as is_complete
    from counted
    cross join currencies
)

select * from final
