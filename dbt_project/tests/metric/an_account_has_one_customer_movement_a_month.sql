select
    account_id,
    month_start_on,
    count(*) as movement_count
from {{ ref('fct_mrr_movements') }}
where movement_type in ('new', 'reactivation', 'expansion', 'contraction', 'churn')
group by account_id, month_start_on
having count(*) > 1
