with

usage_days as (
    select * from {{ ref('int_metric__usage_days') }}
),

mrr as (
    select * from {{ ref('fct_mrr_daily') }}
),

exposures as (
    select * from {{ ref('int_impact__exposures_framed') }}
),

assigned as (
    -- a list says nothing where a delivery went to all
    select distinct assignments.delivery_id
    from {{ ref('int_impact__assignments_framed') }} as assignments
    inner join {{ ref('dim_deliveries') }} as deliveries on assignments.delivery_id = deliveries.delivery_id
    where deliveries.rollout <> 'general'
),

governed as (
    select * from {{ ref('stg_governance__deliveries') }}
),

deliveries as (
    select
        deliveries.delivery_id,
        deliveries.delivery_name,
        governed.feature,
        governed.adopter_event,
        deliveries.rollout,
        deliveries.team_id,
        deliveries.owner,
        deliveries.released_at,
        deliveries.released_on
    from {{ ref('dim_deliveries') }} as deliveries
    inner join governed on deliveries.delivery_id = governed.delivery_id
    where
        deliveries.released_at <= {{ now_utc() }}
        and (governed.feature is not null or governed.adopter_event is not null)
),

-- Since when who could have had it: all since the release, or those whom an arm or a wave gives it since its day.
-- Where no list says whom, everybody is looked at, and how many could is not known.
reached as (
    select
        deliveries.delivery_id,
        deliveries.released_on,
        exposures.account_id,
        case
            when exposures.first_exposed_on > deliveries.released_on then exposures.first_exposed_on
            else deliveries.released_on
        end as given_on
    from deliveries
    left join assigned on deliveries.delivery_id = assigned.delivery_id
    left join exposures
        on deliveries.delivery_id = exposures.delivery_id and assigned.delivery_id is not null
    where
        deliveries.rollout = 'general'
        or assigned.delivery_id is null
        or exposures.account_id is not null
),

-- Of them those who paid on any day since then.
eligible as (
    select
        reached.delivery_id,
        mrr.account_id,
        max(reached.given_on) as given_on,
        max(case when mrr.date_on = {{ today() }} then mrr.arr_amount else 0 end) as arr_amount,
        max(mrr.currency) as currency
    from reached
    inner join mrr
        on
            reached.given_on <= mrr.date_on
            and (reached.account_id is null or reached.account_id = mrr.account_id)
    group by reached.delivery_id, mrr.account_id
),

-- When anybody of an account was last seen in the product, whatever they did there.
seen as (
    select
        account_id,
        max(date_on) as last_seen_on
    from usage_days
    where account_id is not null
    group by account_id
),

uses as (
    select distinct
        deliveries.delivery_id,
        usage_days.account_id,
        usage_days.person_key,
        usage_days.date_on
    from deliveries
    inner join eligible on deliveries.delivery_id = eligible.delivery_id
    inner join usage_days
        on
            eligible.account_id = usage_days.account_id
            and eligible.given_on <= usage_days.date_on
            and (deliveries.feature is null or deliveries.feature = usage_days.feature)
            and (deliveries.adopter_event is null or deliveries.adopter_event = usage_days.event_name)
),

adopters as (
    select
        delivery_id,
        account_id,
        min(date_on) as first_used_on,
        max(date_on) as last_used_on
    from uses
    group by delivery_id, account_id
),

adopter_people as (
    select
        uses.delivery_id,
        count(distinct uses.person_key) as person_count
    from uses
    group by uses.delivery_id
),

repeats as (
    select distinct
        adopters.delivery_id,
        adopters.account_id
    from adopters
    inner join uses
        on
            adopters.delivery_id = uses.delivery_id
            and adopters.account_id = uses.account_id
            and adopters.first_used_on < uses.date_on
            and uses.date_on <= {{ add_days('adopters.first_used_on', 28) }}
),

standings as (
    select
        eligible.delivery_id,
        eligible.account_id,
        eligible.arr_amount,
        eligible.currency,
        coalesce(seen.last_seen_on >= eligible.given_on, false) as is_exposed,
        adopters.first_used_on,
        adopters.last_used_on,
        {{ dbt.datediff('eligible.given_on', 'adopters.first_used_on', 'day') }} as days_to_first_use,
        -- Only whoever has had the 28 days can have come back within them.
        coalesce({{ add_days('adopters.first_used_on', 28) }} < {{ today() }}, false) as had_time_to_repeat,
        repeats.account_id is not null as has_repeated
    from eligible
    left join seen on eligible.account_id = seen.account_id
    left join adopters on eligible.delivery_id = adopters.delivery_id and eligible.account_id = adopters.account_id
    left join repeats on eligible.delivery_id = repeats.delivery_id and eligible.account_id = repeats.account_id
),

counted as (
    select
        delivery_id,
        count(*) as eligible_account_count,
        sum(case when is_exposed then 1 else 0 end) as exposed_account_count,
        sum(arr_amount) as eligible_arr_amount,
        count(first_used_on) as adopter_account_count,
        sum(case when first_used_on is not null then arr_amount else 0 end) as adopter_arr_amount,
        max(currency) as currency,
        min(first_used_on) as first_used_on,
        max(last_used_on) as last_used_on,
        {{ percentile('days_to_first_use', 0.5) }} as days_to_first_use_p50,
        sum(case when had_time_to_repeat then 1 else 0 end) as repeat_base_account_count,
        sum(case when had_time_to_repeat and has_repeated then 1 else 0 end) as repeat_account_count
    from standings
    group by delivery_id
),

known as (
    select
        deliveries.*,
        deliveries.rollout = 'general' or assigned.delivery_id is not null as is_reach_known
    from deliveries
    left join assigned on deliveries.delivery_id = assigned.delivery_id
),

final as (
    select
        known.delivery_id,
        known.delivery_name,
        known.feature,
        known.adopter_event,
        known.rollout,
        known.team_id,
        known.owner,
        known.released_at,
        known.released_on,
        case when known.is_reach_known then cast(coalesce(counted.eligible_account_count, 0) as bigint) end
            as eligible_account_count,
        case when known.is_reach_known then cast(coalesce(counted.exposed_account_count, 0) as bigint) end
            as exposed_account_count,
        cast(coalesce(counted.adopter_account_count, 0) as bigint) as adopter_account_count,
        cast(coalesce(adopter_people.person_count, 0) as bigint) as adopter_person_count,
        case
            when known.is_reach_known
                then {{ ratio('counted.adopter_account_count', 'counted.eligible_account_count') }}
        end as adoption_ratio,
        case when known.is_reach_known then cast(coalesce(counted.eligible_arr_amount, 0) as {{ type_amount() }}) end
            as eligible_arr_amount,
        cast(coalesce(counted.adopter_arr_amount, 0) as {{ type_amount() }}) as adopter_arr_amount,
        case
            when known.is_reach_known
                then {{ ratio('counted.adopter_arr_amount', 'counted.eligible_arr_amount') }}
        end as adoption_arr_ratio,
        counted.currency,
        counted.first_used_on,
        counted.last_used_on,
        cast(counted.days_to_first_use_p50 as {{ type_double() }}) as days_to_first_use_p50,
        cast(coalesce(counted.repeat_base_account_count, 0) as bigint) as repeat_base_account_count,
        cast(coalesce(counted.repeat_account_count, 0) as bigint) as repeat_account_count,
        {{ ratio('counted.repeat_account_count', 'counted.repeat_base_account_count') }} as repeat_28d_ratio
    from known
    left join counted on known.delivery_id = counted.delivery_id
    left join adopter_people on known.delivery_id = adopter_people.delivery_id
)

select * from final
