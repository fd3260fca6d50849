{#
  The deliveries whose effect is asked for, released or not. The release is on the company's clock, so that its week is
  the company's week. What nobody governs was released to all at once, as far as is known. A theme that was merged into
  another is that other; one that counts for nothing narrows nothing.
#}
with

deliveries as (
    select * from {{ ref('int_delivery__deliveries_dated') }}
),

governed as (
    select * from {{ ref('stg_governance__deliveries') }}
),

themes as (
    select * from {{ ref('dim_themes') }}
),

listed as (
    select distinct delivery_id from {{ ref('stg_governance__delivery_waves') }}
    where member_kind = 'account'
),

final as (
    select
        deliveries.delivery_id,
        deliveries.epic_key as issue_key,
        themes.counts_as_theme_id as theme_id,
        {{ to_local('deliveries.released_at') }} as released_at,
        coalesce(deliveries.rollout, 'general') as rollout,
        deliveries.assignment_unit,
        coalesce(deliveries.rollout, 'general') = 'general'
        and (
            deliveries.has_adopter_list
            or governed.adopter_event is not null
            or listed.delivery_id is not null
        ) as has_adopter_list
    from deliveries
    left join governed on deliveries.delivery_id = governed.delivery_id
    left join themes on deliveries.theme_id = themes.theme_id
    left join listed on deliveries.delivery_id = listed.delivery_id
)

select * from final
