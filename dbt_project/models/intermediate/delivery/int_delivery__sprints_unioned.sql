{{ config(materialized='view') }}

{{ union_sources('delivery__sprints', {
    'sprint_id': 'text',
    'sprint_name': 'text',
    'board_id': 'text',
    'team_id': 'text',
    'state': 'text',
    'started_at': 'timestamp',
    'planned_end_at': 'timestamp',
    'completed_at': 'timestamp',
}) }}
