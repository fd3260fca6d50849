{#
  Who did what, as people and accounts that count: each user's day with its person and account. Own staff and accounts
  that do not count are left out. An event of nobody we know still belongs to its account: its person is null. An
  event of no account belongs to its person.
#}
with

user_days as (
    select * from {{ ref('int_analytics__user_days') }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

-- The account that an event names.
named_accounts as (
    select * from {{ ref('int_identity__groups_resolved') }}
),

resolved as (
    select
        user_days.date_on,
        user_days.event_name,
        user_days.feature,
        user_days.event_count,
        -- A device without a user is nobody; a user without a profile is one of its own.
        coalesce(
            signed_in.person_key,
            profiles.person_key,
            case when user_days.user_ref is not null then {{ hashed_id(['user_days.user_ref']) }} end
        ) as person_key,
        coalesce(signed_in.is_staff, profiles.is_staff, false) as is_staff,
        coalesce(named_accounts.account_record_id, signed_in.account_id, profiles.account_id) as account_record_id
    from user_days
    left join people as signed_in on user_days.user_ref = signed_in.person_ref
    left join people as profiles on user_days.profile_ref = profiles.person_ref
    left join named_accounts
        on
            user_days.source_name = named_accounts.source_name
            and user_days.instance = named_accounts.instance
            and user_days.account_external_id = named_accounts.account_external_id
),

final as (
    select
        resolved.person_key,
        accounts.account_id,
        resolved.date_on,
        resolved.event_name,
        resolved.feature,
        sum(resolved.event_count) as event_count
    from resolved
    left join accounts on resolved.account_record_id = accounts.account_record_id
    where
        not resolved.is_staff
        and not coalesce(accounts.is_excluded, false)
        and (resolved.person_key is not null or accounts.account_id is not null)
    group by resolved.person_key, accounts.account_id, resolved.date_on, resolved.event_name, resolved.feature
)

select * from final
