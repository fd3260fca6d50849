-- A course lies around zero in the eight weeks that it is measured against. How far chance may carry it from there is a
-- matter of judgement, so that this warns and holds nothing back.
{{ config(severity='warn') }}

with

weekly as (
    select * from {{ ref('fct_delivery_impact_weekly') }}
),

courses as (
    select
        delivery_id,
        metric,
        method_version,
        avg(case when weeks_since_exposure between -8 and -1 then effect_abs end) as level_before,
        avg((ci_high - ci_low) / 2) as half_width
    from weekly
    group by delivery_id, metric, method_version
),

final as (
    select *
    from courses
    where abs(level_before) > 0.25 * half_width
)

select * from final
