{{ config(materialized='view') }}

{{ union_sources('delivery__work_item_changes', {
    'work_item_id': 'text',
    'field_name': 'text',
    'change_number': 'bigint',
    'from_value': 'text',
    'from_label': 'text',
    'to_value': 'text',
    'to_label': 'text',
    'changed_at': 'timestamp',
}) }}
