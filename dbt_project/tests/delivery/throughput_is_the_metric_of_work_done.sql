-- The same fact has the same value everywhere.
select
    flow_days.date_on,
    flow_days.throughput_count,
    metric_days.value
from {{ ref('mart_delivery__flow_daily') }} as flow_days
left join {{ ref('mart_metric__daily') }} as metric_days
    on
        flow_days.date_on = metric_days.date_on
        and metric_days.metric_id = 'work_items_done'
        and metric_days.segment = 'all'
where
    flow_days.team_id = 'all'
    and flow_days.throughput_count <> coalesce(metric_days.value, 0)
