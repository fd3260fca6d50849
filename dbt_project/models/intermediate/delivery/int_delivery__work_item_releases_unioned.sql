{{ config(materialized='view') }}

{{ union_sources('delivery__work_item_releases', {
    'work_item_id': 'text',
    'release_id': 'text',
}) }}
