{{ config(enabled=source_is_enabled('hubspot'), unique_key='association_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'associations', {
        'from_type': 'text',
        'from_id': 'text',
        'to_type': 'text',
        'to_id': 'text',
        'label': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('_key') }} as association_id,
        from_type,
        {{ instance_id('from_id') }} as from_id,
        to_type,
        {{ instance_id('to_id') }} as to_id,
        label,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'association_id') }}
