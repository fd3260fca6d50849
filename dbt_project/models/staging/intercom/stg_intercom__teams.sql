{{ config(enabled=source_is_enabled('intercom'), unique_key='team_id') }}

with

new_rows as (
    {{ latest_raw_rows('intercom', 'teams', {
        'team_id': 'text',
        'name': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('team_id') }} as team_id,
        name as team_name,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'team_id') }}
