{{ config(enabled=source_is_enabled('jira'), unique_key='issue_change_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'issue_changes', {
        'issue_id': 'text',
        'history_id': 'text',
        'item_index': 'bigint',
        'field': 'text',
        'field_id': 'text',
        'from_value': 'text',
        'from_label': 'text',
        'to_value': 'text',
        'to_label': 'text',
        'changed_at': 'timestamp',
        'author_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as issue_change_id,
        {{ instance_id('issue_id') }} as issue_id,
        history_id,
        item_index,
        field as field_name,
        {{ instance_id('field_id') }} as field_id,
        field_id as vendor_field_id,
        from_value,
        from_label,
        to_value,
        to_label,
        changed_at,
        {{ instance_id('author_id') }} as author_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'issue_change_id') }}
