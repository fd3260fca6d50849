{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

with

sprints as (
    select * from {{ ref('stg_jira__sprints') }}
    where not is_deleted
),

boards as (
    select * from {{ ref('stg_jira__boards') }}
    where not is_deleted
),

projects as (
    select * from {{ ref('stg_jira__projects') }}
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
        sprints.sprint_id,
        sprints.sprint_name,
        sprints.board_id,
        teams.team_id,
        sprints.state,
        sprints.started_at,
        sprints.planned_end_at,
        sprints.completed_at
    from sprints
    left join boards on sprints.board_id = boards.board_id
    left join projects on boards.project_id = projects.project_id
    left join teams on projects.project_key = teams.project_key
)

select * from final
