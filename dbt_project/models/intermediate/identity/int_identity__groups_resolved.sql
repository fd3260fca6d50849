{#
  The account of each group (the key under which product analytics knows a customer organisation): governed override,
  else the CRM's id. A group without either leads nowhere by itself; its people may.
#}
with

user_days as (
    select
        source_name,
        instance,
        account_external_id,
        min(first_event_at) as first_seen_at
    from {{ ref('int_analytics__user_days') }}
    where account_external_id is not null
    group by source_name, instance, account_external_id
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

overrides as (
    select * from {{ ref('stg_governance__account_overrides') }}
),

named as (
    select
        user_days.source_name,
        user_days.instance,
        user_days.account_external_id,
        user_days.first_seen_at,
        max(governed.account_record_id) as governed_record_id,
        max(explicit.account_record_id) as explicit_record_id
    from user_days
    left join overrides
        on
            user_days.account_external_id = overrides.external_id
            and overrides.source in (user_days.source_name, user_days.instance)
    left join accounts as governed
        on overrides.account_id in (governed.account_record_id, governed.vendor_account_id)
    left join accounts as explicit
        on user_days.account_external_id in (explicit.vendor_account_id, explicit.account_record_id)
    group by user_days.source_name, user_days.instance, user_days.account_external_id, user_days.first_seen_at
),

matched as (
    select
        source_name,
        instance,
        account_external_id,
        first_seen_at,
        coalesce(governed_record_id, explicit_record_id) as account_record_id,
        case
            when governed_record_id is not null then 'governed'
            when explicit_record_id is not null then 'explicit_id'
        end as match_method
    from named
),

final as (
    select
        matched.source_name,
        matched.instance,
        matched.instance || ':' || matched.account_external_id as group_ref,
        matched.account_external_id,
        matched.first_seen_at,
        matched.account_record_id,
        accounts.account_id,
        matched.match_method,
        {{ match_confidence('matched.match_method') }} as match_confidence
    from matched
    left join accounts on matched.account_record_id = accounts.account_record_id
)

select * from final
