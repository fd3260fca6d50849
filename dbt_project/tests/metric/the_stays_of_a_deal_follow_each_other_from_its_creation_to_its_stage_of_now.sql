select
    deals.deal_id,
    count(stays.deal_id) as stay_count
from {{ ref('fct_deals') }} as deals
left join {{ ref('fct_deal_stages') }} as stays on deals.deal_id = stays.deal_id
group by deals.deal_id
having
    count(stays.deal_id) = 0
    or min(stays.entered_at) <> min(deals.created_at)
    or sum(case when stays.is_current then 1 else 0 end) <> 1
    or max(case when stays.is_current then stays.stage_id end) <> max(deals.stage_id)
    or max(stays.stay_number) <> count(stays.deal_id)
