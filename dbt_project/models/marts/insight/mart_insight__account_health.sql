{% set components = [
    'usage_trend', 'active_share', 'support_load', 'sentiment', 'renewal_distance', 'champion_activity'
] %}
{% set horizon_days = 90 %}
{# Weeks between the scoring dates of the back-test: their horizons must not overlap. #}
{% set stride_weeks = 13 %}
{# Of fewer churns (or stays) no rate is told. #}
{% set least_count = 5 %}
with

weighed as (
    select * from {{ ref('int_insight__health_scored') }}
),

mrr as (
    select * from {{ ref('fct_mrr_daily') }}
),

-- A stretch of paid days; the account churns on the first day after it.
paid_days as (
    select
        account_id,
        date_on,
        {{ dbt.datediff("cast('1900-01-01' as date)", 'date_on', 'day') }}
        - row_number() over (partition by account_id order by date_on) as stretch
    from mrr
),

stretches as (
    select
        account_id,
        min(date_on) as from_on,
        {{ add_days('max(date_on)', 1) }} as to_on
    from paid_days
    group by account_id, stretch
),

scored as (
    select
        weighed.*,
        -- Known only once the whole horizon is over: early leavers alone would be all bad news.
        case
            when {{ add_days('weighed.scored_on', horizon_days) }} <= {{ today() }}
                then stretches.to_on < {{ add_days('weighed.scored_on', horizon_days) }}
        end as has_churned_90d
    from weighed
    inner join stretches
        on
            weighed.account_id = stretches.account_id
            and {{ add_days('weighed.scored_on', -1) }} >= stretches.from_on
            and weighed.scored_on <= stretches.to_on
),

last_weeks as (
    select
        max(case when has_churned_90d is not null and health_score is not null then scored_on end) as last_judged_on,
        max(scored_on) as last_scored_on
    from scored
),

marked as (
    select
        scored.*,
        scored.scored_on = last_weeks.last_scored_on as is_latest,
        coalesce(
            scored.has_churned_90d is not null
            and scored.health_score is not null
            and mod(
                {{ dbt.datediff('scored.scored_on', 'last_weeks.last_judged_on', 'day') }}, {{ 7 * stride_weeks }}
            ) = 0,
            false
        ) as is_backtest_case
    from scored
    cross join last_weeks
),

-- Pairs are of one date: of one who left and one who stayed, how often had the one who stayed the better score?
ranked as (
    select
        scored_on,
        has_churned_90d,
        rank() over (partition by scored_on order by cast(health_score as numeric(38, 9)))
        + (count(*) over (partition by scored_on, cast(health_score as numeric(38, 9))) - 1)
        / cast(2 as {{ type_double() }}) as middle_rank
    from marked
    where is_backtest_case
),

per_date as (
    select
        scored_on,
        sum(case when has_churned_90d then 1 else 0 end) as churned_count,
        sum(case when has_churned_90d then 0 else 1 end) as stayed_count,
        sum(case when has_churned_90d then 0 else middle_rank end) as stayed_rank_sum
    from ranked
    group by scored_on
),

pooled as (
    select
        sum(churned_count) as churned_count,
        sum(stayed_count) as stayed_count,
        count(*) as date_count,
        {{ ratio(
            'sum(stayed_rank_sum - stayed_count * (stayed_count + 1) / cast(2 as ' ~ type_double() ~ '))',
            'sum(churned_count * stayed_count)'
        ) }} as auc
    from per_date
),

told as (
    select
        churned_count,
        stayed_count,
        date_count,
        case when churned_count >= {{ least_count }} and stayed_count >= {{ least_count }} then auc end as auc
    from pooled
),

-- Hanley and McNeil, Radiology 143 (1982): the standard error of an area under the curve.
bounded as (
    select
        churned_count,
        stayed_count,
        date_count,
        auc,
        sqrt(
            (
                auc * (1 - auc)
                + (churned_count - 1) * (auc / (2 - auc) - auc * auc)
                + (stayed_count - 1) * (2 * auc * auc / (1 + auc) - auc * auc)
            ) / (cast(churned_count as {{ type_double() }}) * stayed_count)
        ) as auc_error
    from told
),

final as (
    select
        marked.account_id,
        marked.week_start_on,
        marked.scored_on,
        marked.segment,
        marked.arr_amount,
        marked.currency,
        marked.health_score,
        marked.known_weight_ratio,
        {%- for component in components %}
            marked.{{ component }}_value,
            marked.{{ component }}_score,
            marked.{{ component }}_weight,
            cast(marked.{{ component }}_age_days as bigint) as {{ component }}_age_days,
        {%- endfor %}
        marked.is_latest,
        marked.has_churned_90d,
        marked.is_backtest_case,
        cast({{ horizon_days }} as bigint) as backtest_horizon_days,
        cast(coalesce(bounded.date_count, 0) as bigint) as backtest_date_count,
        cast(coalesce(bounded.churned_count + bounded.stayed_count, 0) as bigint) as backtest_case_count,
        cast(coalesce(bounded.churned_count, 0) as bigint) as backtest_churned_count,
        bounded.auc as backtest_auc,
        case when bounded.auc - 1.96 * bounded.auc_error < 0 then 0 else bounded.auc - 1.96 * bounded.auc_error end
            as backtest_auc_low,
        case when bounded.auc + 1.96 * bounded.auc_error > 1 then 1 else bounded.auc + 1.96 * bounded.auc_error end
            as backtest_auc_high
    from marked
    cross join bounded
)

select * from final
