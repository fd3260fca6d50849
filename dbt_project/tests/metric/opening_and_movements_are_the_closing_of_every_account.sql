-- Opening + movements = closing, to the cent, for every account and month with a movement.
select
    account_id,
    month_start_on,
    max(opening_mrr_amount) + sum(mrr_amount) - max(closing_mrr_amount) as difference_amount
from {{ ref('fct_mrr_movements') }}
group by account_id, month_start_on
having abs(max(opening_mrr_amount) + sum(mrr_amount) - max(closing_mrr_amount)) >= 0.005
