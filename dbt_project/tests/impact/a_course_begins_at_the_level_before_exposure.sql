-- A course is of accounts compared, old enough to be seen, inside its intervals, and around zero in the eight weeks
-- that it is measured against.
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

courses as (
    select
        weekly.delivery_id,
        weekly.metric,
        weekly.method_version,
        avg(case when weekly.weeks_since_exposure between -8 and -1 then weekly.effect_abs end) as level_before,
        avg((weekly.ci_high - weekly.ci_low) / 2) as half_width,
        sum(
            case
                when weekly.effect_abs between weekly.ci_low and weekly.ci_high then 0
                else 1
            end
        ) as outside_count,
        sum(
            case
                when weekly.weeks_since_exposure not between -12 and 12 then 1
                when effects.design_rung = 'adopters' and weekly.weeks_since_exposure = 0 then 1
                else 0
            end
        ) as wrong_week_count,
        max(
            case
                when effects.design_rung in ('adopters', 'phased') and effects.verdict <> 'too_early' then 0
                else 1
            end
        ) as has_no_comparison
    from weekly
    left join effects
        on
            weekly.delivery_id = effects.delivery_id
            and weekly.metric = effects.metric
            and weekly.method_version = effects.method_version
    group by weekly.delivery_id, weekly.metric, weekly.method_version
)

select *
from courses
where
    outside_count > 0
    or wrong_week_count > 0
    or has_no_comparison > 0
    or abs(level_before) > 0.25 * half_width
