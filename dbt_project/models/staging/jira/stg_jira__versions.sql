{{ config(enabled=source_is_enabled('jira'), unique_key='version_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'versions', {
        'version_id': 'text',
        'project_id': 'text',
        'name': 'text',
        'start_on': 'date',
        'release_on': 'date',
        'is_released': 'boolean',
        'is_archived': 'boolean',
    }) }}
),

final as (
    select
        {{ instance_id('version_id') }} as version_id,
        {{ instance_id('project_id') }} as project_id,
        name as version_name,
        start_on as started_on,
        release_on,
        coalesce(is_released, false) as is_released,
        coalesce(is_archived, false) as is_archived,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'version_id') }}
