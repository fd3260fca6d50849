{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

with

parts as (
    select * from {{ ref('stg_intercom__conversation_parts') }}
    where not is_deleted
),

teams as (
    select * from {{ ref('stg_intercom__teams') }}
),

-- Each part tells the state after it; where it does not, its kind does.
stated as (
    select
        part_id,
        part_number,
        conversation_id,
        created_at,
        coalesce(
            state,
            case
                when part_type = 'close' then 'closed'
                when part_type = 'snoozed' then 'snoozed'
                when part_type = 'open' or part_type like '%unsnooze%' or part_type like '%reopen' then 'open'
            end
        ) as state
    from parts
),

moved as (
    select
        part_id,
        part_number,
        conversation_id,
        created_at,
        'status' as field_name,
        -- A conversation begins open, which no part tells.
        coalesce(
            lag({{ intercom_status('state') }}) over (
                partition by conversation_id order by created_at, part_number, part_id
            ),
            'open'
        ) as from_value,
        {{ intercom_status('state') }} as to_value
    from stated
    where state is not null
),

assigned as (
    select
        parts.part_id,
        parts.part_number,
        parts.conversation_id,
        parts.created_at,
        'team_source_key' as field_name,
        lag(teams.team_name) over (
            partition by parts.conversation_id order by parts.created_at, parts.part_number, parts.part_id
        ) as from_value,
        teams.team_name as to_value
    from parts
    left join teams on parts.assigned_to_id = teams.team_id
    where parts.assigned_to_type in ('team', 'nobody_team')
),

prioritised as (
    select
        part_id,
        part_number,
        conversation_id,
        created_at,
        'priority' as field_name,
        coalesce(
            attribute_previous_value,
            lag(attribute_value) over (
                partition by conversation_id order by created_at, part_number, part_id
            )
        ) as from_value,
        attribute_value as to_value
    from parts
    where field_name = 'priority'
),

changes as (
    select * from moved
    where from_value <> to_value

    union all

    select * from assigned
    where coalesce(from_value, '') <> coalesce(to_value, '')

    union all

    select * from prioritised
),

final as (
    select
        part_id || ':' || field_name as change_id,
        conversation_id as ticket_id,
        field_name,
        from_value,
        to_value,
        created_at as changed_at
    from changes
)

select * from final
