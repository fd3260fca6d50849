{{ config(enabled=source_is_enabled('jira'), unique_key='sprint_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'sprints', {
        'sprint_id': 'text',
        'board_id': 'text',
        'name': 'text',
        'state': 'text',
        'start_at': 'timestamp',
        'end_at': 'timestamp',
        'complete_at': 'timestamp',
        'goal': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('sprint_id') }} as sprint_id,
        {{ instance_id('board_id') }} as board_id,
        name as sprint_name,
        state,
        start_at as started_at,
        end_at as planned_end_at,
        complete_at as completed_at,
        goal,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'sprint_id') }}
