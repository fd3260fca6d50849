{{ config(enabled=source_is_enabled('jira'), unique_key='board_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'boards', {
        'board_id': 'text',
        'name': 'text',
        'board_type': 'text',
        'project_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('board_id') }} as board_id,
        name as board_name,
        board_type,
        {{ instance_id('project_id') }} as project_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'board_id') }}
