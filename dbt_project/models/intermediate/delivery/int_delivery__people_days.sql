with

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

status_spans as (
    select * from {{ ref('fct_status_spans') }}
),

assignee_spans as (
    select
        work_item_id,
        field_value as assignee_id,
        started_at,
        ended_at
    from {{ ref('int_delivery__field_spans') }}
    where
        field_name = 'assignee'
        and field_value is not null
),

working_days as (
    select date_on
    from {{ ref('dim_dates') }}
    where is_working_day
),

stretches as (
    -- active work in one person's hands: where the two spans overlap
    select
        status_spans.work_item_id,
        assignee_spans.assignee_id,
        case
            when assignee_spans.started_at > status_spans.started_at then assignee_spans.started_at
            else status_spans.started_at
        end as started_at,
        case
            when coalesce(assignee_spans.ended_at, {{ now_utc() }}) < coalesce(status_spans.ended_at, {{ now_utc() }})
                then coalesce(assignee_spans.ended_at, {{ now_utc() }})
            else coalesce(status_spans.ended_at, {{ now_utc() }})
        end as ended_at
    from status_spans
    inner join assignee_spans on status_spans.work_item_id = assignee_spans.work_item_id
    inner join work_items on status_spans.work_item_id = work_items.work_item_id
    where
        status_spans.status_category = 'in_progress'
        and status_spans.status_kind = 'active'
        and work_items.work_item_level in ('standard', 'sub_task')
),

local_stretches as (
    -- a stretch that ends at midnight sharp has no part of the day that begins then
    select
        work_item_id,
        assignee_id,
        {{ to_local_date('started_at') }} as first_on,
        {{ to_local_date(dbt.dateadd('microsecond', -1, 'ended_at')) }} as last_on
    from stretches
    where started_at < ended_at
),

worked as (
    select distinct
        local_stretches.work_item_id,
        local_stretches.assignee_id,
        working_days.date_on
    from local_stretches
    inner join working_days
        on working_days.date_on between local_stretches.first_on and local_stretches.last_on
),

final as (
    select
        work_item_id,
        assignee_id,
        date_on,
        cast(1 as {{ type_double() }}) / count(*) over (partition by assignee_id, date_on) as people_days
    from worked
)

select * from final
