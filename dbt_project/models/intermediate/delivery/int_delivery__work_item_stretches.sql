{# Where an item's spans of status, flag and team overlap: the one history that time in a state is summed from. #}
with

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

status_spans as (
    select
        work_item_id,
        status_category,
        status_kind,
        started_at,
        coalesce(ended_at, cast('9999-12-31' as timestamp)) as ended_at
    from {{ ref('fct_status_spans') }}
),

flag_spans as (
    select
        work_item_id,
        field_value = 'true' as is_flagged,
        started_at,
        coalesce(ended_at, cast('9999-12-31' as timestamp)) as ended_at
    from {{ ref('int_delivery__field_spans') }}
    where field_name = 'flag'
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

overlapped as (
    select
        work_items.work_item_id,
        work_items.work_item_level,
        team_spans.team_id,
        status_spans.status_category,
        status_spans.status_kind,
        flag_spans.is_flagged,
        {{ later_of(['status_spans.started_at', 'flag_spans.started_at', 'team_spans.started_at']) }} as started_at,
        {{ earlier_of(['status_spans.ended_at', 'flag_spans.ended_at', 'team_spans.ended_at']) }} as ended_at
    from work_items
    inner join status_spans on work_items.work_item_id = status_spans.work_item_id
    inner join flag_spans on work_items.work_item_id = flag_spans.work_item_id
    inner join team_spans on work_items.work_item_id = team_spans.work_item_id
),

final as (
    select
        work_item_id,
        work_item_level,
        team_id,
        status_category,
        status_kind,
        is_flagged,
        status_category <> 'done' and (status_kind = 'blocked' or is_flagged) as is_blocked,
        started_at,
        nullif(ended_at, cast('9999-12-31' as timestamp)) as ended_at
    from overlapped
    where started_at < ended_at
)

select * from final
