{#
  Dense: every day from the first feedback item to today, for every theme that counts, for all items together ('all') and
  for those without any theme ('unthemed'); and the emerging themes of the days on which they were found, which have no series yet.
  An item of two themes counts for both, and once in 'all'.
#}
with

feedback as (
    select
        feedback_id,
        account_id,
        coalesce(is_duplicate, false) as is_duplicate,
        occurred_on as date_on
    from {{ ref('fct_feedback') }}
    where occurred_on is not null
),

feedback_themes as (
    select * from {{ ref('fct_feedback_themes') }}
),

mentions as (
    select
        feedback.*,
        feedback_themes.theme_id,
        feedback_themes.assigned_by
    from feedback
    inner join feedback_themes on feedback.feedback_id = feedback_themes.feedback_id
    union all
    select
        feedback.*,
        'all' as theme_id,
        cast(null as {{ type_text() }}) as assigned_by
    from feedback
    union all
    select
        feedback.*,
        'unthemed' as theme_id,
        cast(null as {{ type_text() }}) as assigned_by
    from feedback
    left join feedback_themes on feedback.feedback_id = feedback_themes.feedback_id
    where feedback_themes.feedback_id is null
),

counted as (
    select
        date_on,
        theme_id,
        count(*) as mention_count,
        count(distinct account_id) as account_count,
        sum(case when is_duplicate then 1 else 0 end) as duplicate_mention_count,
        sum(case when assigned_by = 'model' then 1 else 0 end) as model_mention_count
    from mentions
    group by date_on, theme_id
),

days as (
    {{ date_spine('(select min(feedback.date_on) from feedback)', today()) }}
),

subjects as (
    select
        theme_id,
        'governed' as theme_kind
    from {{ ref('dim_themes') }}
    where is_counted
    union all
    select
        'all' as theme_id,
        'all' as theme_kind
    union all
    select
        'unthemed' as theme_id,
        'unthemed' as theme_kind
),

versions as (
    select max(taxonomy_version) as taxonomy_version
    from {{ ref('dim_themes') }}
),

ordered_versions as (
    select
        scored_from_on,
        model_id,
        taxonomy_version,
        lag(model_id) over (order by scored_from_on) as earlier_model_id,
        lag(taxonomy_version) over (order by scored_from_on) as earlier_taxonomy_version
    from {{ ref('stg_insight__versions') }}
),

scoring_changes as (
    -- of a day the last version is told, so that one that came and went again within it is none
    select
        scored_from_on,
        case
            when model_id <> earlier_model_id and taxonomy_version <> earlier_taxonomy_version
                then 'model_and_taxonomy'
            when model_id <> earlier_model_id then 'model'
            else 'taxonomy'
        end as scoring_change
    from ordered_versions
    where model_id <> earlier_model_id or taxonomy_version <> earlier_taxonomy_version
),

spikes as (
    select * from {{ ref('stg_trends__spikes') }}
),

emerging as (
    select * from {{ ref('stg_trends__emerging') }}
),

told as (
    select
        days.date_on,
        subjects.theme_id,
        subjects.theme_kind,
        cast(null as {{ type_text() }}) as label,
        coalesce(counted.mention_count, 0) as mention_count,
        coalesce(counted.account_count, 0) as account_count,
        coalesce(counted.duplicate_mention_count, 0) as duplicate_mention_count,
        coalesce(counted.model_mention_count, 0) as model_mention_count,
        spikes.item_count_7d,
        spikes.expected_count_7d,
        spikes.z,
        cast(null as {{ type_double() }}) as probability,
        spikes.state
    from days
    cross join subjects
    left join counted on days.date_on = counted.date_on and subjects.theme_id = counted.theme_id
    left join spikes on days.date_on = spikes.date_on and subjects.theme_id = spikes.theme_id
    union all
    select
        date_on,
        emerging_id as theme_id,
        'emerging' as theme_kind,
        label,
        cast(null as bigint) as mention_count,
        cast(null as bigint) as account_count,
        cast(null as bigint) as duplicate_mention_count,
        cast(null as bigint) as model_mention_count,
        item_count_7d,
        expected_count_7d,
        cast(null as {{ type_double() }}) as z,
        probability,
        'alert' as state
    from emerging
),

final as (
    select
        told.date_on,
        told.theme_id,
        told.theme_kind,
        told.label,
        cast(told.mention_count as bigint) as mention_count,
        cast(told.account_count as bigint) as account_count,
        cast(told.duplicate_mention_count as bigint) as duplicate_mention_count,
        cast(told.model_mention_count as bigint) as model_mention_count,
        cast(told.item_count_7d as bigint) as mention_7d_count,
        told.expected_count_7d as expected_mention_7d_count,
        told.z as spike_score,
        told.probability as chance_probability,
        told.state as spike_state,
        told.date_on < {{ today() }} as is_complete,
        versions.taxonomy_version,
        scoring_changes.scoring_change
    from told
    cross join versions
    left join scoring_changes on told.date_on = scoring_changes.scored_from_on
)

select * from final
