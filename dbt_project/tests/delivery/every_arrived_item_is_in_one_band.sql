-- Every item that has arrived is in one band of the cumulative flow diagram, from its first day on.
select
    date_on,
    to_do_count + wip_count + done_count as item_count,
    arrived_count
from (
    select
        flow_days.*,
        sum(flow_days.arrival_count) over (
            order by flow_days.date_on rows unbounded preceding
        ) as arrived_count
    from {{ ref('mart_delivery__flow_daily') }} as flow_days
    where flow_days.team_id = 'all'
) as accumulated
where to_do_count + wip_count + done_count <> arrived_count
