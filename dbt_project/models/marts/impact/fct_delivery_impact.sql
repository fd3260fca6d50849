with

effects as (
    select * from {{ ref('stg_impact__effects') }}
),

deliveries as (
    select delivery_id from {{ ref('dim_deliveries') }}
),

-- what the company no longer counts as a delivery has no row, though its verdict is kept for the day it is back
final as (
    select
        effects.delivery_id,
        effects.metric,
        effects.design_rung,
        effects.horizon_weeks,
        effects.data_through,
        effects.n_treated,
        effects.n_control,
        effects.n_clusters,
        effects.baseline_value,
        effects.counterfactual_value,
        effects.effect_abs,
        effects.effect_rel,
        effects.std_error,
        effects.ci_low,
        effects.ci_high,
        effects.p_value,
        effects.q_value,
        effects.mde_abs,
        effects.pretrend_effect,
        effects.pretrend_p,
        effects.first_stage,
        effects.overlap_delivery_ids,
        effects.verdict,
        effects.verdict_reason,
        effects.method_version,
        effects.is_current,
        effects.frozen_at,
        effects.theme_id
    from effects
    inner join deliveries on effects.delivery_id = deliveries.delivery_id
)

select * from final
