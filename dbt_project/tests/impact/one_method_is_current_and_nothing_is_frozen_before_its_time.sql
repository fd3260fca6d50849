-- Of each delivery and metric one row is current, and what is too early is not frozen.
with

current_rows as (
    select
        delivery_id,
        metric,
        sum(case when is_current then 1 else 0 end) as current_count,
        sum(case when verdict = 'too_early' and frozen_at is not null then 1 else 0 end) as early_frozen_count
    from {{ ref('fct_delivery_impact') }}
    group by delivery_id, metric
)

select *
from current_rows
where current_count > 1 or early_frozen_count > 0
