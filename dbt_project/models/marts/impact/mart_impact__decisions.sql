{#
  What was expected beside what was seen, and what the engine says the decision's deliveries did. Before and after are
  means of the metric, nothing more: only the verdict speaks of cause. Of several deliveries it is what they agree on.
#}
with

decisions as (
    select * from {{ ref('stg_governance__decisions') }}
),

decision_deliveries as (
    select * from {{ ref('stg_governance__decision_deliveries') }}
),

deliveries as (
    select * from {{ ref('dim_deliveries') }}
),

metrics as (
    select * from {{ ref('dim_metrics') }}
),

effects as (
    select * from {{ ref('fct_delivery_impact') }}
    where is_current
),

impact_metrics as (
    select * from {{ ref('impact_metrics') }}
),

carried as (
    select
        decision_deliveries.decision_id,
        {{ joined_values('decision_deliveries.delivery_id', ',') }} as delivery_ids,
        count(*) as delivery_count,
        sum(case when deliveries.status = 'released' then 1 else 0 end) as released_delivery_count,
        min(case when deliveries.status = 'released' then deliveries.released_at end) as first_released_at
    from decision_deliveries
    left join deliveries on decision_deliveries.delivery_id = deliveries.delivery_id
    group by decision_deliveries.decision_id
),

anchored as (
    select
        decisions.decision_id,
        decisions.title,
        decisions.decided_on,
        decisions.decider,
        decisions.why,
        decisions.evidence_kind,
        coalesce(decisions.evidence_count, 0) as evidence_count,
        decisions.expected_metric_id,
        decisions.expected_change_pct,
        decisions.expected_by_on,
        decisions.review_on,
        carried.delivery_ids,
        coalesce(carried.delivery_count, 0) as delivery_count,
        coalesce(carried.released_delivery_count, 0) as released_delivery_count,
        carried.first_released_at,
        coalesce({{ to_local_date('carried.first_released_at') }}, decisions.decided_on) as anchor_on,
        case
            when decisions.expected_by_on < {{ today() }} then decisions.expected_by_on
            else {{ add_days(today(), -1) }}
        end as after_to_on
    from decisions
    left join carried on decisions.decision_id = carried.decision_id
),

windowed as (
    select
        anchored.*,
        metrics.good_direction,
        case
            when metrics.reading in ('median_28_days', 'ratio_28_days') then metrics.reading
            else 'mean_28_days'
        end as reading,
        {{ add_days('anchored.anchor_on', -28) }} as before_from_on,
        {{ add_days('anchored.anchor_on', -1) }} as before_to_on,
        {{ add_days('anchored.after_to_on', -27) }} as after_from_on,
        -- the windows must not meet: until 28 complete days have passed, what was seen is partly from before
        case
            when anchored.expected_metric_id is null then 'no expected effect'
            when metrics.metric_id is null then 'unknown metric'
            when not metrics.is_daily then 'the metric has no value per day'
            when anchored.delivery_count > 0 and anchored.released_delivery_count = 0 then 'not released yet'
            when {{ add_days('anchored.after_to_on', -27) }} >= anchored.anchor_on then null
            when anchored.after_to_on = anchored.expected_by_on then 'fewer than 28 days before the expected date'
            else 'fewer than 28 complete days so far'
        end as missing_reason
    from anchored
    left join metrics on anchored.expected_metric_id = metrics.metric_id
),

-- a level is read as its mean over the window: two single days differ by chance
asked_befores as (
    select
        decision_id as asked_id,
        expected_metric_id as metric_id,
        'all' as segment,
        reading,
        before_to_on as to_on
    from windowed
),

asked_afters as (
    select
        decision_id as asked_id,
        expected_metric_id as metric_id,
        'all' as segment,
        reading,
        after_to_on as to_on
    from windowed
    where missing_reason is null
),

befores as (
    {{ read_metric_windows('asked_befores') }}
),

afters as (
    {{ read_metric_windows('asked_afters') }}
),

judged as (
    select
        decisions.decision_id,
        coalesce(deliveries.epic_key, decision_deliveries.delivery_id) as delivery_label,
        effects.verdict,
        effects.verdict_reason,
        -- what is expected is of all tickets: a share of one theme's does not stand beside it
        case
            when effects.theme_id is null
                then 100 * {{ ratio('effects.effect_abs', 'abs(effects.counterfactual_value)') }}
        end as effect_pct,
        case
            when effects.theme_id is null then 100 * {{ ratio('effects.ci_low', 'abs(effects.counterfactual_value)') }}
        end as effect_low_pct,
        case
            when effects.theme_id is null then 100 * {{ ratio('effects.ci_high', 'abs(effects.counterfactual_value)') }}
        end as effect_high_pct
    from decisions
    inner join impact_metrics on decisions.expected_metric_id = impact_metrics.metric_id
    inner join decision_deliveries on decisions.decision_id = decision_deliveries.decision_id
    inner join effects
        on
            decision_deliveries.delivery_id = effects.delivery_id
            and impact_metrics.impact_metric = effects.metric
    left join deliveries on decision_deliveries.delivery_id = deliveries.delivery_id
),

verdicts as (
    select
        decision_id,
        count(*) as judged_count,
        sum(case when verdict = 'improved' then 1 else 0 end) as improved_count,
        sum(case when verdict = 'worsened' then 1 else 0 end) as worsened_count,
        sum(case when verdict = 'too_early' then 1 else 0 end) as early_count,
        sum(case when verdict = 'no_detectable_effect' then 1 else 0 end) as undetected_count,
        max(verdict) as one_verdict,
        max(verdict_reason) as one_reason,
        {{ joined_values("delivery_label || ': ' || verdict", '; ') }} as all_verdicts,
        -- of one delivery; effects on different accounts have no sum
        case when count(*) = 1 then max(effect_pct) end as effect_pct,
        case when count(*) = 1 then max(effect_low_pct) end as effect_low_pct,
        case when count(*) = 1 then max(effect_high_pct) end as effect_high_pct
    from judged
    group by decision_id
),

final as (
    select
        windowed.decision_id,
        windowed.title,
        windowed.decided_on,
        windowed.decider,
        windowed.why,
        windowed.evidence_kind,
        cast(windowed.evidence_count as bigint) as evidence_count,
        windowed.delivery_ids,
        cast(windowed.delivery_count as bigint) as delivery_count,
        cast(windowed.released_delivery_count as bigint) as released_delivery_count,
        windowed.first_released_at,
        windowed.expected_metric_id,
        windowed.good_direction,
        windowed.expected_change_pct,
        windowed.expected_by_on,
        befores.value * (1 + windowed.expected_change_pct / 100) as expected_value,
        case when windowed.expected_metric_id is not null then windowed.before_from_on end as before_from_on,
        case when windowed.expected_metric_id is not null then windowed.before_to_on end as before_to_on,
        befores.value as before_value,
        cast(coalesce(befores.day_count, 0) as bigint) as before_day_count,
        case when windowed.missing_reason is null then windowed.after_from_on end as after_from_on,
        case when windowed.missing_reason is null then windowed.after_to_on end as after_to_on,
        afters.value as after_value,
        cast(coalesce(afters.day_count, 0) as bigint) as after_day_count,
        100 * (afters.value - befores.value) / nullif(abs(befores.value), 0)
            as observed_change_pct,
        coalesce(
            windowed.missing_reason,
            case
                when befores.value is null then 'the metric has no value before'
                when afters.value is null then 'the metric has no value after'
                when befores.value = 0 then 'the metric was zero before'
            end
        ) as observed_missing_reason,
        windowed.review_on,
        coalesce(windowed.review_on < {{ today() }}, false) as is_past_review,
        impact_metrics.impact_metric,
        verdicts.effect_pct,
        verdicts.effect_low_pct,
        verdicts.effect_high_pct,
        case
            when windowed.expected_metric_id is null then null
            when verdicts.judged_count is null then 'not_measurable'
            when verdicts.judged_count = 1 then verdicts.one_verdict
            when verdicts.improved_count > 0 and verdicts.worsened_count > 0 then 'not_measurable'
            when verdicts.improved_count > 0 then 'improved'
            when verdicts.worsened_count > 0 then 'worsened'
            when verdicts.early_count > 0 then 'too_early'
            when verdicts.undetected_count > 0 then 'no_detectable_effect'
            else 'not_measurable'
        end as verdict,
        case
            when windowed.expected_metric_id is null then 'no expected effect'
            when impact_metrics.impact_metric is null then 'the metric cannot be estimated account by account'
            when windowed.delivery_count = 0 then 'no delivery carries it'
            when verdicts.judged_count is null then 'not evaluated yet'
            when verdicts.judged_count = 1 then verdicts.one_reason
            else verdicts.all_verdicts
        end as verdict_reason
    from windowed
    left join impact_metrics on windowed.expected_metric_id = impact_metrics.metric_id
    left join verdicts on windowed.decision_id = verdicts.decision_id
    left join befores on windowed.decision_id = befores.asked_id
    left join afters on windowed.decision_id = afters.asked_id
)

select * from final
