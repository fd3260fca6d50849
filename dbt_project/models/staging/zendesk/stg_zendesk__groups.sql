{{ config(enabled=source_is_enabled('zendesk'), unique_key='group_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'groups', {
        'group_id': 'text',
        'name': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('group_id') }} as group_id,
        name as group_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'group_id') }}
