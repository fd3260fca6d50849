{#
  Which account first had a delivery in which week: by its first use of what was delivered (the governed adopter event,
  also before the release, since who tried it early was no newcomer), by its wave, by its arm, or by a list of accounts
  with a day.
#}
with

deliveries as (
    select
        deliveries.delivery_id,
        deliveries.rollout,
        deliveries.released_at,
        governed.feature,
        governed.adopter_event
    from {{ ref('int_delivery__deliveries_dated') }} as deliveries
    inner join {{ ref('stg_governance__deliveries') }} as governed on deliveries.delivery_id = governed.delivery_id
    where
        deliveries.rollout = 'general'
        and (governed.has_adopter_list or governed.adopter_event is not null)
        and (governed.feature is not null or governed.adopter_event is not null)
),

usage_days as (
    select * from {{ ref('int_metric__usage_days') }}
    where account_id is not null
),

assignments as (
    select * from {{ ref('int_impact__assignments_framed') }}
),

rollouts as (
    select * from {{ ref('int_delivery__deliveries_dated') }}
),

waves as (
    select * from {{ ref('stg_governance__delivery_waves') }}
    where member_kind = 'account'
),

records as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

accounts as (
    select * from {{ ref('int_impact__accounts_framed') }}
),

adopted as (
    select
        deliveries.delivery_id,
        usage_days.account_id,
        min(usage_days.date_on) as first_on
    from deliveries
    inner join usage_days
        on
            (deliveries.feature is null or deliveries.feature = usage_days.feature)
            and (deliveries.adopter_event is null or deliveries.adopter_event = usage_days.event_name)
    group by deliveries.delivery_id, usage_days.account_id
),

given as (
    select
        assignments.delivery_id,
        assignments.account_id,
        assignments.starts_on as first_on
    from assignments
    inner join rollouts on assignments.delivery_id = rollouts.delivery_id
    where rollouts.rollout = 'phased' or assignments.arm = 1
),

listed as (
    select
        waves.delivery_id,
        records.account_id,
        waves.starts_on as first_on
    from waves
    inner join rollouts on waves.delivery_id = rollouts.delivery_id
    inner join records on waves.member in (records.account_record_id, records.vendor_account_id)
    where rollouts.rollout = 'general'
),

exposed as (
    select delivery_id, account_id, first_on from adopted
    union all
    select delivery_id, account_id, first_on from given
    union all
    select delivery_id, account_id, first_on from listed
),

final as (
    select
        exposed.delivery_id,
        exposed.account_id,
        min(exposed.first_on) as first_exposed_on,
        cast({{ start_of('week', 'min(exposed.first_on)') }} as timestamp) as first_exposed_week
    from exposed
    inner join accounts on exposed.account_id = accounts.account_id
    where exposed.first_on <= {{ today() }}
    group by exposed.delivery_id, exposed.account_id
)

select * from final
