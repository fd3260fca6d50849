{#
  Levels come from Jira's hierarchy, not from names of issue types, which every site changes and translates. That a
  type means a bug is nowhere but in its name: these are Jira's own in the languages that we know.
#}
{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

with

issues as (
    select * from {{ ref('stg_jira__issues') }}
    where not is_deleted
),

statuses as (
    select * from {{ ref('stg_jira__statuses') }}
),

users as (
    select * from {{ ref('stg_jira__users') }}
),

issue_sprints as (
    select
        issue_id,
        {{ joined_values('sprint_id', ',') }} as sprint_ids
    from {{ ref('stg_jira__issue_sprints') }}
    group by issue_id
),

teams as (
    select
        source_key as project_key,
        min(team_id) as team_id
    from {{ ref('stg_governance__teams') }}
    where source = 'jira'
    group by source_key
),

final as (
    select
        issues.issue_id as work_item_id,
        issues.vendor_issue_id as vendor_work_item_id,
        issues.issue_key as work_item_key,
        issues.project_key,
        teams.team_id,
        issues.issue_type_name as work_item_type,
        case
            when issues.hierarchy_level < 0 then 'sub_task'
            when issues.hierarchy_level = 1 then 'epic'
            when issues.hierarchy_level > 1 then 'initiative'
            else 'standard'
        end as work_item_level,
        coalesce(lower(issues.issue_type_name) in ('bug', 'defect', 'erro', 'defeito', 'falha'), false) as is_bug,
        issues.parent_issue_id as parent_work_item_id,
        issues.status_id,
        coalesce(statuses.status_name, issues.status_name) as status_name,
        case coalesce(statuses.category_key, issues.status_category_key)
            when 'new' then 'to_do'
            when 'indeterminate' then 'in_progress'
            when 'done' then 'done'
        end as status_category,
        issues.resolution,
        coalesce(
            lower(issues.resolution) in ('won''t do', 'won''t fix', 'declined', 'duplicate'), false
        ) as is_cancelled,
        issues.priority,
        issues.assignee_id,
        {{ jira_person_key('assignees.email_key', 'issues.assignee_id') }} as assignee_person_key,
        {{ jira_person_key('reporters.email_key', 'issues.reporter_id') }} as reporter_person_key,
        issues.story_points,
        issue_sprints.sprint_ids,
        issues.created_at,
        issues.resolved_at,
        issues.is_flagged,
        '{{ var("delivery_link_base") }}/browse/' || issues.issue_key as work_item_url
    from issues
    left join statuses on issues.status_id = statuses.status_id
    left join users as assignees on issues.assignee_id = assignees.user_id
    left join users as reporters on issues.reporter_id = reporters.user_id
    left join issue_sprints on issues.issue_id = issue_sprints.issue_id
    left join teams on issues.project_key = teams.project_key
)

select * from final
