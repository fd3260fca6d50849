select
    month_start_on,
    sum(mrr_amount) as difference_amount
from {{ ref('fct_mrr_movements') }}
where movement_type = 'segment_transfer'
group by month_start_on
having abs(sum(mrr_amount)) >= 0.005
