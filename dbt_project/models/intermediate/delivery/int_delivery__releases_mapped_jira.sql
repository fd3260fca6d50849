{# Jira has one release date, planned until the version is released. #}
{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

with

versions as (
    select * from {{ ref('stg_jira__versions') }}
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
        versions.version_id as release_id,
        versions.version_name as release_name,
        projects.project_key,
        teams.team_id,
        versions.started_on,
        versions.release_on,
        versions.is_released,
        versions.is_archived
    from versions
    left join projects on versions.project_id = projects.project_id
    left join teams on projects.project_key = teams.project_key
)

select * from final
