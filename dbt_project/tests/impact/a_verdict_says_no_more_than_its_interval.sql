-- A claim has an interval on one side of zero and passed the correction for many tests; no number without measuring.
select
    delivery_id,
    metric,
    method_version
from {{ ref('fct_delivery_impact') }}
where
    (
        verdict in ('improved', 'worsened')
        and (
            ci_low is null
            or ci_high is null
            or q_value is null
            or q_value > 0.10
            or (ci_low <= 0 and ci_high >= 0)
            or design_rung = 'descriptive'
        )
    )
    or (verdict = 'no_detectable_effect' and (ci_low is null or mde_abs is null))
    or (
        verdict in ('too_early', 'not_measurable')
        and (effect_abs is not null or ci_low is not null or ci_high is not null or p_value is not null)
    )
    or (effect_abs is not null and (effect_abs < ci_low or effect_abs > ci_high))
    or verdict_reason is null
