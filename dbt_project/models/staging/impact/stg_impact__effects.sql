{{ config(materialized='view') }}

with

results as (
    {{ latest_results('impact', 'effects', {
        'delivery_id': 'text',
        'metric': 'text',
        'design_rung': 'text',
        'horizon_weeks': 'bigint',
        'data_through': 'timestamp',
        'n_treated': 'bigint',
        'n_control': 'bigint',
        'n_clusters': 'bigint',
        'baseline_value': 'double',
        'counterfactual_value': 'double',
        'effect_abs': 'double',
        'effect_rel': 'double',
        'std_error': 'double',
        'ci_low': 'double',
        'ci_high': 'double',
        'p_value': 'double',
        'q_value': 'double',
        'mde_abs': 'double',
        'pretrend_effect': 'double',
        'pretrend_p': 'double',
        'first_stage': 'double',
        'overlap_delivery_ids': 'text',
        'verdict': 'text',
        'verdict_reason': 'text',
        'method_version': 'text',
        'is_current': 'boolean',
        'frozen_at': 'timestamp',
        'theme_id': 'text',
        'question_key': 'text',
    }) }}
),

final as (
    select
        delivery_id,
        metric,
        design_rung,
        horizon_weeks,
        data_through,
        n_treated,
        n_control,
        n_clusters,
        baseline_value,
        counterfactual_value,
        effect_abs,
        effect_rel,
        std_error,
        ci_low,
        ci_high,
        p_value,
        q_value,
        mde_abs,
        pretrend_effect,
        pretrend_p,
        first_stage,
        overlap_delivery_ids,
        verdict,
        verdict_reason,
        method_version,
        is_current,
        frozen_at,
        theme_id,
        question_key
    from results
)

select * from final
