-- The accounting identity, to the cent, for every month and segment, the total included.
select
    month_start_on,
    segment,
    opening_mrr_amount + new_amount + reactivation_amount + expansion_amount - contraction_amount - churn_amount
    + segment_transfer_amount + fx_restatement_amount - closing_mrr_amount as difference_amount
from {{ ref('mart_metric__mrr_monthly') }}
where
    abs(
        opening_mrr_amount + new_amount + reactivation_amount + expansion_amount - contraction_amount - churn_amount
        + segment_transfer_amount + fx_restatement_amount - closing_mrr_amount
    ) >= 0.005
