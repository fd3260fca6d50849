{# Sub-tasks count as items of their own, as they do in the metric of work done; epics and initiatives only roll up. #}
with

work_items as (
    select * from {{ ref('fct_work_items') }}
    where work_item_level in ('standard', 'sub_task')
),

status_spans as (
    select
        work_item_id,
        started_at,
        status_category,
        lag(status_category) over (partition by work_item_id order by span_number) as previous_category
    from {{ ref('fct_status_spans') }}
),

team_spans as (
    select
        work_item_id,
        field_value as team_id,
        started_at,
        coalesce(ended_at, cast('9999-12-31' as timestamp)) as ended_at
    from {{ ref('int_delivery__field_spans') }}
    where field_name = 'team'
),

events as (
    select
        work_item_id,
        'arrived' as event_kind,
        created_at as happened_at
    from work_items
    union all
    select
        work_item_id,
        'done' as event_kind,
        done_at as happened_at
    from work_items
    where done_at is not null
    union all
    select
        status_spans.work_item_id,
        'reopened' as event_kind,
        status_spans.started_at as happened_at
    from status_spans
    inner join work_items on status_spans.work_item_id = work_items.work_item_id
    where
        status_spans.previous_category = 'done'
        and status_spans.status_category <> 'done'
),

final as (
    select
        events.work_item_id,
        events.event_kind,
        events.happened_at,
        {{ to_local_date('events.happened_at') }} as happened_on,
        team_spans.team_id,
        work_items.lead_time_days,
        work_items.cycle_time_days,
        work_items.active_hours,
        work_items.waiting_hours
    from events
    inner join work_items on events.work_item_id = work_items.work_item_id
    left join team_spans
        on
            events.work_item_id = team_spans.work_item_id
            and events.happened_at >= team_spans.started_at
            and events.happened_at < team_spans.ended_at
)

select * from final
