with

sprint_spans as (
    select
        work_item_id,
        span_number,
        field_value as sprint_ids,
        started_at,
        ended_at
    from {{ ref('int_delivery__field_spans') }}
    where
        field_name = 'sprint'
        and field_value is not null
        and field_value <> ''
),

numbers as (
    {{ number_series(64) }}
),

listed as (
    -- the field holds every sprint that the item is or was in: one row per sprint of each span, at most 64
    select
        sprint_spans.work_item_id,
        sprint_spans.span_number,
        {{ dbt.split_part('sprint_spans.sprint_ids', "','", 'cast(numbers.generated_number as int)') }} as sprint_id,
        sprint_spans.started_at,
        sprint_spans.ended_at
    from sprint_spans
    inner join numbers
        on
            numbers.generated_number
            <= length(sprint_spans.sprint_ids) - length(replace(sprint_spans.sprint_ids, ',', '')) + 1
),

marked as (
    select
        work_item_id,
        sprint_id,
        span_number,
        started_at,
        ended_at,
        case
            when lag(span_number) over (partition by work_item_id, sprint_id order by span_number) = span_number - 1
                then 0
            else 1
        end as is_entry
    from listed
),

grouped as (
    select
        work_item_id,
        sprint_id,
        span_number,
        started_at,
        ended_at,
        sum(is_entry) over (
            partition by work_item_id, sprint_id order by span_number rows unbounded preceding
        ) as stay_number
    from marked
),

final as (
    select
        work_item_id,
        sprint_id,
        stay_number,
        min(started_at) as joined_at,
        -- an open stay has no end; max() alone would drop the null
        case when count(*) = count(ended_at) then max(ended_at) end as left_at
    from grouped
    group by work_item_id, sprint_id, stay_number
)

select * from final
