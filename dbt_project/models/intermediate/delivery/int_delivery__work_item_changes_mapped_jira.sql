{#
  The fields whose history counts. Jira keeps ids in `from`/`to` for statuses, people and sprints, but only the label
  for numbers; the estimate and the sprint are custom fields, told by their type, the estimate else by its name. The
  flag is a checkbox like any other and told by its name: whatever is ticked is an impediment. A move to another
  project is a move to another team.
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

teams as (
    select
        source_key as project_key,
        min(team_id) as team_id
    from {{ ref('stg_governance__teams') }}
    where source = 'jira'
    group by source_key
),

project_teams as (
    select
        projects.project_id,
        max(teams.team_id) as team_id
    from {{ ref('stg_jira__projects') }} as projects
    left join teams on projects.project_key = teams.project_key
    group by projects.project_id
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
            when lower(coalesce(changes.vendor_field_id, changes.field_name)) = 'project' then 'team'
            when lower(changes.field_name) in ('flagged', 'sinalizado', 'sinalizada') then 'flag'
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
        canonical_fields.issue_id as work_item_id,
        canonical_fields.canonical_field as field_name,
        -- history ids are numbers in text: the shorter is the smaller
        row_number() over (
            partition by canonical_fields.issue_id
            order by
                canonical_fields.changed_at,
                length(canonical_fields.history_id),
                canonical_fields.history_id,
                canonical_fields.item_index
        ) as change_number,
        {%- for side in ['from', 'to'] %}
        case canonical_fields.canonical_field
            when 'sprint' then {{ jira_id_list(side ~ '_value') }}
            when 'story_points' then coalesce(canonical_fields.{{ side }}_label, canonical_fields.{{ side }}_value)
            when 'key' then coalesce(canonical_fields.{{ side }}_label, canonical_fields.{{ side }}_value)
            when 'team' then {{ side }}_teams.team_id
            when 'flag'
                then
                    case
                        when
                            nullif(canonical_fields.{{ side }}_label, '') is not null
                            or nullif(canonical_fields.{{ side }}_value, '') is not null
                            then 'true'
                        else 'false'
                    end
            else canonical_fields._instance || ':' || canonical_fields.{{ side }}_value
        end as {{ side }}_value,
        canonical_fields.{{ side }}_label,
        {%- endfor %}
        canonical_fields.changed_at
    from canonical_fields
    {%- for side in ['from', 'to'] %}
    left join project_teams as {{ side }}_teams
        on
            canonical_fields.canonical_field = 'team'
            and canonical_fields._instance || ':' || canonical_fields.{{ side }}_value = {{ side }}_teams.project_id
    {%- endfor %}
    where canonical_fields.canonical_field is not null
)

select * from final
