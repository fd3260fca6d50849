{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

with

changes as (
    select * from {{ ref('stg_zendesk__ticket_changes') }}
    where not is_deleted and field_name in ('status', 'priority', 'group_id')
),

agent_groups as (
    select * from {{ ref('stg_zendesk__groups') }}
),

final as (
    select
        changes.change_id,
        changes.ticket_id,
        case changes.field_name when 'group_id' then 'team_source_key' else changes.field_name end as field_name,
        case changes.field_name when 'group_id' then from_groups.group_name else changes.from_value end as from_value,
        case changes.field_name when 'group_id' then to_groups.group_name else changes.to_value end as to_value,
        changes.changed_at
    from changes
    left join agent_groups as from_groups
        on
            changes.field_name = 'group_id'
            and changes._instance || ':' || changes.from_value = from_groups.group_id
    left join agent_groups as to_groups
        on
            changes.field_name = 'group_id'
            and changes._instance || ':' || changes.to_value = to_groups.group_id
)

select * from final
