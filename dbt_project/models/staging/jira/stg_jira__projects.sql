{{ config(enabled=source_is_enabled('jira'), unique_key='project_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'projects', {
        'project_id': 'text',
        'project_key': 'text',
        'name': 'text',
        'style': 'text',
        'is_archived': 'boolean',
    }) }}
),

final as (
    select
        {{ instance_id('project_id') }} as project_id,
        project_key,
        name as project_name,
        style = 'next-gen' as is_team_managed,
        coalesce(is_archived, false) as is_archived,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'project_id') }}
