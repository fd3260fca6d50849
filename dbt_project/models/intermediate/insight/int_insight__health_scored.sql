{% set components = [
    'usage_trend', 'active_share', 'support_load', 'sentiment', 'renewal_distance', 'champion_activity'
] %}
{#
  The score of each paying account's week: the mean of what is known, by the governed weights.
#}
{% set known, total, scores = [], [], [] %}
{% for component in components %}
    {% set weight = 'coalesce(weights.' ~ component ~ '_weight, 0)' %}
    {% set score = 'measured.' ~ component ~ '_score' %}
    {% do known.append('case when ' ~ score ~ ' is not null then ' ~ weight ~ ' else 0 end') %}
    {% do total.append(weight) %}
    {% do scores.append('coalesce(' ~ score ~ ', 0) * ' ~ weight) %}
{% endfor %}
with

measured as (
    select * from {{ ref('int_insight__health_components') }}
),

weights as (
    select
        {%- for component in components %}
            max(case when component = '{{ component }}' then weight end) as {{ component }}_weight,
        {%- endfor %}
        count(*) as component_count
    from {{ ref('stg_governance__health_weights') }}
),

weighed as (
    select
        measured.*,
        {%- for component in components %}
            coalesce(weights.{{ component }}_weight, 0) as {{ component }}_weight,
        {%- endfor %}
        {{ known | join(' + ') }} as known_weight,
        {{ total | join(' + ') }} as total_weight,
        {{ scores | join(' + ') }} as weighed_score
    from measured
    cross join weights
),

final as (
    select
        account_id,
        week_start_on,
        scored_on,
        segment,
        arr_amount,
        currency,
        {%- for component in components %}
            {{ component }}_value,
            {{ component }}_score,
            {{ component }}_weight,
            {{ component }}_age_days,
        {%- endfor %}
        100 * {{ ratio('weighed_score', 'known_weight') }} as health_score,
        {{ ratio('known_weight', 'total_weight') }} as known_weight_ratio
    from weighed
)

select * from final
