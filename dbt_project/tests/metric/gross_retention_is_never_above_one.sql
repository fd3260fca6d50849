select
    month_start_on,
    segment,
    grr_1m_ratio,
    grr_3m_ratio,
    grr_12m_ratio
from {{ ref('mart_metric__mrr_monthly') }}
where grr_1m_ratio > 1.0000001 or grr_3m_ratio > 1.0000001 or grr_12m_ratio > 1.0000001
