{# A day's work counts for the team that has the item when the day ends; today, for the one that has it now. #}
with

people_days as (
    select * from {{ ref('int_delivery__people_days') }}
),

team_spans as (
    select
        work_item_id,
        field_value as team_id,
        {{ to_local_date('started_at') }} as started_on,
        coalesce({{ to_local_date('ended_at') }}, cast('9999-12-31' as date)) as ended_on
    from {{ ref('int_delivery__field_spans') }}
    where field_name = 'team'
),

final as (
    select
        people_days.work_item_id,
        people_days.assignee_id,
        people_days.date_on,
        {{ start_of('month', 'people_days.date_on') }} as month_start_on,
        team_spans.team_id,
        people_days.people_days
    from people_days
    left join team_spans
        on
            people_days.work_item_id = team_spans.work_item_id
            and people_days.date_on >= team_spans.started_on
            and people_days.date_on < team_spans.ended_on
)

select * from final
