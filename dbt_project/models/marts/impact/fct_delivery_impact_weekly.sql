with

weekly as (
    select * from {{ ref('stg_impact__weekly') }}
),

effects as (
    select
        delivery_id,
        metric,
        method_version
    from {{ ref('fct_delivery_impact') }}
    where is_current
),

final as (
    select
        weekly.delivery_id,
        weekly.metric,
        weekly.method_version,
        weekly.weeks_since_exposure,
        weekly.effect_abs,
        weekly.ci_low,
        weekly.ci_high
    from weekly
    inner join effects
        on
            weekly.delivery_id = effects.delivery_id
            and weekly.metric = effects.metric
            and weekly.method_version = effects.method_version
)

select * from final
