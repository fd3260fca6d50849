{{ config(materialized='view') }}

with

results as (
    {{ latest_results('impact', 'weekly', {
        'delivery_id': 'text',
        'metric': 'text',
        'method_version': 'text',
        'weeks_since_exposure': 'bigint',
        'effect_abs': 'double',
        'ci_low': 'double',
        'ci_high': 'double',
    }) }}
),

final as (
    select
        delivery_id,
        metric,
        method_version,
        weeks_since_exposure,
        effect_abs,
        ci_low,
        ci_high
    from results
)

select * from final
