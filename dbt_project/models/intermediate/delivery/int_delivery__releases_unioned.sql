{{ config(materialized='view') }}

{{ union_sources('delivery__releases', {
    'release_id': 'text',
    'release_name': 'text',
    'project_key': 'text',
    'team_id': 'text',
    'started_on': 'date',
    'release_on': 'date',
    'is_released': 'boolean',
    'is_archived': 'boolean',
}) }}
