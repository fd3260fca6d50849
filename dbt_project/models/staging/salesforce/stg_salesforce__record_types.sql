{{ config(enabled=source_is_enabled('salesforce'), unique_key='record_type_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'record_types', {
        'record_type_id': 'text',
        'name': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('record_type_id') }} as record_type_id,
        name as record_type_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'record_type_id') }}
