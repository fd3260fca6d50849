with

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

teams as (
    select
        source,
        source_key,
        max(team_id) as team_id
    from {{ ref('stg_governance__teams') }}
    group by source, source_key
),

users as (
    select
        coalesce(user_ref, profile_ref) as person_ref,
        min(first_event_at) as first_event_at
    from {{ ref('int_analytics__user_days') }}
    group by coalesce(user_ref, profile_ref)
),

counted as (
    select
        people.person_key,
        people.system,
        people.is_staff,
        people.account_id,
        teams.team_id,
        people.is_active and not people.is_merged as is_active,
        people.is_deleted,
        case
            when people.first_seen_at is null then users.first_event_at
            when users.first_event_at is null then people.first_seen_at
            when users.first_event_at < people.first_seen_at then users.first_event_at
            else people.first_seen_at
        end as first_seen_at
    from people
    left join teams on people.team_source_key = teams.source_key and people.source_name = teams.source
    left join users on people.person_ref = users.person_ref
    left join accounts on people.account_id = accounts.account_record_id
    -- Apps of a tool are nobody.
    where not people.is_bot and (not coalesce(accounts.is_excluded, false) or people.is_staff)
),

final as (
    select
        person_key,
        coalesce(
            max(case when system = 'crm' then account_id end),
            max(case when system = 'support' then account_id end),
            max(account_id)
        ) as account_id,
        max(case when is_staff then 'staff' else 'customer' end) as person_kind,
        max(team_id) as team_id,
        {{ dbt.bool_or("system = 'crm' and not is_deleted") }} as has_crm,
        {{ dbt.bool_or("system = 'support' and not is_deleted") }} as has_support,
        {{ dbt.bool_or("system = 'analytics' and not is_deleted") }} as has_analytics,
        {{ dbt.bool_or("system = 'delivery' and not is_deleted") }} as has_jira,
        min(first_seen_at) as first_seen_at,
        {{ dbt.bool_or('is_active') }} as is_active
    from counted
    group by person_key
)

select * from final
