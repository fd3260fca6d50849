select
    months.month_start_on,
    months.segment,
    months.opening_mrr_amount,
    months.earlier_closing_mrr_amount
from (
    select
        month_start_on,
        segment,
        opening_mrr_amount,
        lag(closing_mrr_amount) over (partition by segment order by month_start_on) as earlier_closing_mrr_amount
    from {{ ref('mart_metric__mrr_monthly') }}
) as months
where abs(months.opening_mrr_amount - months.earlier_closing_mrr_amount) >= 0.005
