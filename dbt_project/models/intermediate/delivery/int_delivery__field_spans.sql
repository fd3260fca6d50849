{# Status, assignee, sprint, estimate, flag and team all overwrite themselves at the vendor; this is their history. #}
with

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

changes as (
    select * from {{ ref('int_delivery__work_item_changes_unioned') }}
),

current_values as (
    select
        work_item_id,
        'status' as field_name,
        status_id as field_value,
        status_name as field_label
    from work_items
    union all
    select
        work_item_id,
        'assignee' as field_name,
        assignee_id as field_value,
        cast(null as {{ type_text() }}) as field_label
    from work_items
    union all
    select
        work_item_id,
        'sprint' as field_name,
        sprint_ids as field_value,
        cast(null as {{ type_text() }}) as field_label
    from work_items
    union all
    select
        work_item_id,
        'story_points' as field_name,
        {{ number_text('story_points') }} as field_value,
        cast(null as {{ type_text() }}) as field_label
    from work_items
    union all
    select
        work_item_id,
        'flag' as field_name,
        case when is_flagged then 'true' else 'false' end as field_value,
        cast(null as {{ type_text() }}) as field_label
    from work_items
    union all
    select
        work_item_id,
        'team' as field_name,
        team_id as field_value,
        cast(null as {{ type_text() }}) as field_label
    from work_items
),

first_changes as (
    select
        work_item_id,
        field_name,
        from_value,
        from_label
    from (
        select
            work_item_id,
            field_name,
            from_value,
            from_label,
            row_number() over (partition by work_item_id, field_name order by change_number) as field_change_number
        from changes
    ) as numbered
    where field_change_number = 1
),

beginnings as (
    -- the value at creation: what the first change came from, else what never changed
    select
        current_values.work_item_id,
        current_values.field_name,
        case
            when first_changes.work_item_id is not null then first_changes.from_value
            else current_values.field_value
        end as field_value,
        case
            when first_changes.work_item_id is not null then first_changes.from_label
            else current_values.field_label
        end as field_label,
        work_items.created_at as started_at,
        cast(0 as bigint) as change_number
    from current_values
    inner join work_items on current_values.work_item_id = work_items.work_item_id
    left join first_changes
        on
            current_values.work_item_id = first_changes.work_item_id
            and current_values.field_name = first_changes.field_name
),

turns as (
    select
        work_item_id,
        field_name,
        field_value,
        field_label,
        started_at,
        change_number
    from beginnings
    union all
    -- an imported change may be older than the item itself
    select
        changes.work_item_id,
        changes.field_name,
        changes.to_value as field_value,
        changes.to_label as field_label,
        case
            when changes.changed_at < work_items.created_at then work_items.created_at
            else changes.changed_at
        end as started_at,
        changes.change_number
    from changes
    inner join work_items on changes.work_item_id = work_items.work_item_id
    where changes.field_name in ('status', 'assignee', 'sprint', 'story_points', 'flag', 'team')
),

final as (
    select
        work_item_id,
        field_name,
        row_number() over (partition by work_item_id, field_name order by change_number) as span_number,
        field_value,
        field_label,
        started_at,
        lead(started_at) over (partition by work_item_id, field_name order by change_number) as ended_at
    from turns
)

select * from final
