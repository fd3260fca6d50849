{#
  The fields whose history counts. Jira keeps ids in `from`/`to` for statuses, people and sprints, but only the label
  for numbers; the estimate and the sprint are custom fields, told by their type, the estimate else by its name.
#}
{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

with

changes as (
    select * from {{ ref('stg_jira__issue_changes') }}
    where not is_deleted
),

fields as (
    select * from {{ ref('stg_jira__fields') }}
),

story_points_field as (
    select max(value) as vendor_field_id
    from {{ ref('stg_governance__mappings') }}
    where mapping_key = 'jira.story_points_field'
),

canonical_fields as (
    select
        changes.*,
        case
            when lower(coalesce(changes.vendor_field_id, changes.field_name)) = 'status' then 'status'
            when lower(coalesce(changes.vendor_field_id, changes.field_name)) = 'assignee' then 'assignee'
            when lower(changes.field_name) = 'key' then 'key'
            when
                fields.custom_type = 'com.pyxis.greenhopper.jira:gh-sprint' or changes.field_name = 'Sprint'
                then 'sprint'
            when changes.vendor_field_id = story_points_field.vendor_field_id then 'story_points'
            when
                story_points_field.vendor_field_id is null
                and (
                    fields.custom_type = 'com.pyxis.greenhopper.jira:jsw-story-points'
                    or lower(changes.field_name) in ('story points', 'story point estimate', 'pontos de história')
                )
                then 'story_points'
        end as canonical_field
    from changes
    left join fields on changes.field_id = fields.field_id
    cross join story_points_field
),

final as (
    select
        issue_id as work_item_id,
        canonical_field as field_name,
        -- history ids are numbers in text: the shorter is the smaller
        row_number() over (
            partition by issue_id order by changed_at, length(history_id), history_id, item_index
        ) as change_number,
        case canonical_field
            when 'sprint' then {{ jira_id_list('from_value') }}
            when 'story_points' then coalesce(from_label, from_value)
            when 'key' then coalesce(from_label, from_value)
            else _instance || ':' || from_value
        end as from_value,
        from_label,
        case canonical_field
            when 'sprint' then {{ jira_id_list('to_value') }}
            when 'story_points' then coalesce(to_label, to_value)
            when 'key' then coalesce(to_label, to_value)
            else _instance || ':' || to_value
        end as to_value,
        to_label,
        changed_at
    from canonical_fields
    where canonical_field is not null
)

select * from final
