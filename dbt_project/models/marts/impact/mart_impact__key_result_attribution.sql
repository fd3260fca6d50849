{#
  What deliveries added to the movement of each key result, by the effects that the engine estimated, and what nothing
  explains. An effect is per exposed account; here it is carried to the whole by how much of the metric exposed accounts
  make up in the four weeks before the period and in the last four. What cannot be measured adds an unknown amount, not
  nothing: it lies in the unexplained rest.
#}
with

key_results as (
    select * from {{ ref('mart_impact__key_results') }}
    where current_value is not null and baseline is not null
),

impact_metrics as (
    select * from {{ ref('impact_metrics') }}
),

deliveries as (
    select * from {{ ref('dim_deliveries') }}
    where status = 'released'
),

serves as (
    select * from {{ ref('stg_governance__delivery_key_results') }}
),

targets as (
    select * from {{ ref('stg_governance__delivery_metrics') }}
),

effects as (
    select * from {{ ref('fct_delivery_impact') }}
    where is_current
),

account_weeks as (
    select * from {{ ref('int_impact__account_weeks_framed') }}
    where subscribed = 1
),

exposures as (
    select * from {{ ref('int_impact__exposures_framed') }}
),

weeks as (
    select * from {{ ref('int_impact__weeks_recorded') }}
),

moved as (
    select
        key_results.key_result_id,
        key_results.metric_id,
        key_results.segment,
        key_results.baseline,
        key_results.current_value,
        key_results.current_value - key_results.baseline as movement_value,
        impact_metrics.impact_metric,
        impact_metrics.contribution_kind,
        key_results.measured_on,
        {{ start_of('week', 'key_results.starts_on') }} as begin_on,
        {{ start_of('week', add_days('key_results.measured_on', 1)) }} as end_on
    from key_results
    left join impact_metrics on key_results.metric_id = impact_metrics.metric_id
),

moments as (
    select
        key_result_id,
        'begin' as moment,
        begin_on as until_on
    from moved
    union all
    select
        key_result_id,
        'end' as moment,
        end_on as until_on
    from moved
),

read_weeks as (
    -- the last four that are recorded, which may end some days before the moment
    select
        key_result_id,
        moment,
        week
    from (
        select
            moments.key_result_id,
            moments.moment,
            weeks.week,
            row_number() over (
                partition by moments.key_result_id, moments.moment order by weeks.week desc
            ) as recency
        from moments
        inner join weeks
            on moments.until_on > weeks.monday_on and {{ add_days('moments.until_on', -42) }} <= weeks.monday_on
    ) as ranked_weeks
    where recency <= 4
),

readings as (
    select
        key_result_id,
        sum(case when moment = 'begin' then 1 else 0 end) as begin_week_count,
        sum(case when moment = 'end' then 1 else 0 end) as end_week_count
    from read_weeks
    group by key_result_id
),

-- whatever serves the key result or its metric, and whatever else is known to have moved it
candidates as (
    select
        moved.key_result_id,
        serves.delivery_id
    from moved
    inner join serves on moved.key_result_id = serves.key_result_id
    union
    select
        moved.key_result_id,
        targets.delivery_id
    from moved
    inner join targets on moved.metric_id = targets.metric_id
    union
    select
        moved.key_result_id,
        effects.delivery_id
    from moved
    inner join effects on moved.impact_metric = effects.metric
    where effects.verdict in ('improved', 'worsened')
),

judged as (
    select
        moved.key_result_id,
        moved.impact_metric,
        moved.contribution_kind,
        moved.segment,
        moved.baseline,
        moved.current_value,
        deliveries.delivery_id,
        deliveries.released_at,
        effects.design_rung,
        effects.verdict,
        effects.verdict_reason,
        effects.effect_abs,
        effects.ci_low,
        effects.ci_high,
        effects.counterfactual_value,
        -- in the unit that is carried to the whole: of a relative effect, the share of what is there that it made up
        case
            when moved.contribution_kind <> 'relative' then effects.effect_abs
            else {{ ratio('effects.effect_abs', 'effects.counterfactual_value + effects.effect_abs') }}
        end as unit_effect,
        case
            when moved.contribution_kind <> 'relative' then effects.ci_low
            -- an interval that holds the loss of everything bounds no share
            when effects.counterfactual_value + effects.ci_low > 0
                then {{ ratio('effects.ci_low', 'effects.counterfactual_value + effects.ci_low') }}
        end as unit_low,
        case
            when moved.contribution_kind <> 'relative' then effects.ci_high
            else {{ ratio('effects.ci_high', 'effects.counterfactual_value + effects.ci_high') }}
        end as unit_high,
        coalesce(readings.begin_week_count, 0) = 4 and coalesce(readings.end_week_count, 0) = 4 as is_readable
    from candidates
    inner join moved on candidates.key_result_id = moved.key_result_id
    inner join deliveries on candidates.delivery_id = deliveries.delivery_id
    left join readings on candidates.key_result_id = readings.key_result_id
    left join effects
        on candidates.delivery_id = effects.delivery_id and moved.impact_metric = effects.metric
    where deliveries.released_on <= moved.measured_on
),

measured as (
    select *
    from judged
    where
        is_readable
        and verdict in ('improved', 'worsened', 'no_detectable_effect')
        and unit_effect is not null
        and unit_low is not null
        and unit_high is not null
),

amounts as (
    select
        measured.key_result_id,
        measured.delivery_id,
        read_weeks.moment,
        sum(
            case
                when exposures.account_id is null and measured.design_rung <> 'series' then 0
                when
                    measured.design_rung = 'series'
                    and {{ to_local('measured.released_at') }} >= account_weeks.week then 0
                when measured.contribution_kind = 'per_account_week' then 1
                when measured.impact_metric = 'wau_rate' then account_weeks.wau
                when measured.impact_metric = 'active' and account_weeks.wau > 0 then 1
                when measured.impact_metric = 'mrr_rel' then account_weeks.mrr
                when measured.impact_metric = 'csat' then account_weeks.csat_n
                else 0
            end
        ) as exposed_amount,
        sum(
            case
                when measured.contribution_kind = 'per_account_week' then 1
                when measured.impact_metric = 'wau_rate' then account_weeks.wau
                when measured.impact_metric = 'active' and account_weeks.wau > 0 then 1
                when measured.impact_metric = 'mrr_rel' then account_weeks.mrr
                when measured.impact_metric = 'csat' then account_weeks.csat_n
                else 0
            end
        ) as all_amount
    from measured
    inner join read_weeks on measured.key_result_id = read_weeks.key_result_id
    inner join account_weeks
        on
            read_weeks.week = account_weeks.week
            and (measured.segment = 'all' or measured.segment = account_weeks.segment)
    left join exposures
        on
            measured.delivery_id = exposures.delivery_id
            and account_weeks.account_id = exposures.account_id
            and account_weeks.week >= exposures.first_exposed_week
    group by measured.key_result_id, measured.delivery_id, read_weeks.moment
),

carried as (
    select
        measured.key_result_id,
        measured.delivery_id,
        amounts.moment,
        {{ ratio('amounts.exposed_amount', 'amounts.all_amount') }} as exposed_ratio,
        -- tickets are read as a mean per day, over 28 of them
        case
            when measured.contribution_kind = 'per_account_week'
                then cast(amounts.exposed_amount as {{ type_double() }}) / 28
            when measured.contribution_kind = 'points' then {{ ratio('amounts.exposed_amount', 'amounts.all_amount') }}
            when amounts.moment = 'end'
                then measured.current_value * {{ ratio('amounts.exposed_amount', 'amounts.all_amount') }}
            else measured.baseline * {{ ratio('amounts.exposed_amount', 'amounts.all_amount') }}
        end as weight
    from measured
    inner join amounts
        on measured.key_result_id = amounts.key_result_id and measured.delivery_id = amounts.delivery_id
),

weighed as (
    select
        key_result_id,
        delivery_id,
        max(case when moment = 'begin' then exposed_ratio end) as exposed_ratio_at_begin,
        max(case when moment = 'end' then exposed_ratio end) as exposed_ratio_at_end,
        max(case when moment = 'end' then weight end) - max(case when moment = 'begin' then weight end) as weight
    from carried
    group by key_result_id, delivery_id
),

contributions as (
    select
        judged.key_result_id,
        judged.delivery_id as contributor_id,
        'delivery' as contributor_kind,
        judged.delivery_id,
        judged.impact_metric,
        judged.verdict,
        weighed.exposed_ratio_at_begin,
        weighed.exposed_ratio_at_end,
        judged.unit_effect * weighed.weight as contribution_value,
        case when weighed.weight < 0 then judged.unit_high else judged.unit_low end * weighed.weight as ci_low,
        case when weighed.weight < 0 then judged.unit_low else judged.unit_high end * weighed.weight as ci_high,
        case
            when weighed.weight is not null then null
            when judged.impact_metric is null then 'the metric cannot be estimated account by account'
            when judged.verdict is null then 'not evaluated yet'
            when judged.verdict in ('too_early', 'not_measurable')
                then judged.verdict || ': ' || coalesce(judged.verdict_reason, '')
            when judged.unit_low is null then 'the interval of its effect is too wide to be carried to the whole'
            when not judged.is_readable then 'usage and support were not yet recorded four weeks before the period'
            else 'nothing of the metric to carry the effect to'
        end as unknown_reason
    from judged
    left join weighed
        on judged.key_result_id = weighed.key_result_id and judged.delivery_id = weighed.delivery_id
),

explained as (
    select
        moved.key_result_id,
        coalesce({{ stable_sum('contributions.contribution_value') }}, 0) as contribution_value,
        -- null where nothing is known: a rest that may be anyone's has no interval
        {{ stable_sum('contributions.ci_low') }} as ci_low,
        {{ stable_sum('contributions.ci_high') }} as ci_high
    from moved
    left join contributions on moved.key_result_id = contributions.key_result_id
    group by moved.key_result_id
),

rests as (
    -- how far the deliveries' errors move together is not known here: as if entirely, which is never too narrow
    select
        moved.key_result_id,
        'unexplained' as contributor_id,
        'unexplained' as contributor_kind,
        cast(null as {{ type_text() }}) as delivery_id,
        moved.impact_metric,
        cast(null as {{ type_text() }}) as verdict,
        cast(null as {{ type_double() }}) as exposed_ratio_at_begin,
        cast(null as {{ type_double() }}) as exposed_ratio_at_end,
        moved.movement_value - explained.contribution_value as contribution_value,
        moved.movement_value - explained.ci_high as ci_low,
        moved.movement_value - explained.ci_low as ci_high,
        cast(null as {{ type_text() }}) as unknown_reason
    from moved
    inner join explained on moved.key_result_id = explained.key_result_id
),

contributors as (
    select * from contributions
    union all
    select * from rests
),

final as (
    select
        contributors.key_result_id,
        contributors.contributor_id,
        contributors.contributor_kind,
        contributors.delivery_id,
        moved.metric_id,
        contributors.impact_metric,
        moved.movement_value,
        contributors.contribution_value,
        contributors.ci_low,
        contributors.ci_high,
        contributors.exposed_ratio_at_begin,
        contributors.exposed_ratio_at_end,
        contributors.verdict,
        case when contributors.unknown_reason is null then 'known' else 'unknown' end as status,
        contributors.unknown_reason
    from contributors
    inner join moved on contributors.key_result_id = moved.key_result_id
)

select * from final
