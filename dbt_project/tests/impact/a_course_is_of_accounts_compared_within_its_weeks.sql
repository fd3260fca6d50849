-- A course is of accounts compared and old enough to be seen, of its weeks only, each inside its interval.
with

effects as (
    select
        delivery_id,
        metric,
        method_version,
        design_rung,
        verdict
    from {{ ref('fct_delivery_impact') }}
    where is_current
),

weekly as (
    select * from {{ ref('fct_delivery_impact_weekly') }}
),

final as (
    select
        weekly.delivery_id,
        weekly.metric,
        weekly.weeks_since_exposure,
        effects.design_rung,
        effects.verdict,
        weekly.effect_abs,
        weekly.ci_low,
        weekly.ci_high
    from weekly
    left join effects
        on
            weekly.delivery_id = effects.delivery_id
            and weekly.metric = effects.metric
            and weekly.method_version = effects.method_version
    where
        coalesce(effects.design_rung, 'none') not in ('randomised', 'adopters', 'phased')
        or effects.verdict = 'too_early'
        or weekly.weeks_since_exposure not between -12 and 12
        or (effects.design_rung = 'adopters' and weekly.weeks_since_exposure = 0)
        or weekly.effect_abs not between weekly.ci_low and weekly.ci_high
)

select * from final
