{{ config(enabled=source_is_enabled('jira'), unique_key='field_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'fields', {
        'field_id': 'text',
        'name': 'text',
        'schema_custom': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('field_id') }} as field_id,
        field_id as vendor_field_id,
        name as field_name,
        schema_custom as custom_type,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'field_id') }}
