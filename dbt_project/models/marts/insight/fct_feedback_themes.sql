{#
  Who said so wins by item: what a person set, else what a field of the source says, else the rules, else the model. A
  person's `add` and `remove` act on what that gives. Themes that were merged count for their survivor; those that are
  proposed or over count for nothing.
#}
with

feedback as (
    select * from {{ ref('fct_feedback') }}
),

themes as (
    select
        theme_id,
        counts_as_theme_id,
        taxonomy_version
    from {{ ref('stg_insight__themes') }}
    where counts_as_theme_id is not null
),

versions as (
    select max(taxonomy_version) as taxonomy_version
    from {{ ref('stg_insight__themes') }}
),

tagged as (
    {{ split_rows(ref('fct_feedback'), ['feedback_id'], 'tags') }}
),

ranked_overrides as (
    -- two themes that were merged into one may have been decided on apart: the later decision counts
    select
        overrides.feedback_id,
        themes.counts_as_theme_id as theme_id,
        overrides.action,
        overrides.decided_by,
        row_number() over (
            partition by overrides.feedback_id, themes.counts_as_theme_id
            order by coalesce(overrides.decided_at, '') desc, overrides.theme_id desc
        ) as recency
    from {{ ref('stg_governance__theme_overrides') }} as overrides
    inner join themes on overrides.theme_id = themes.theme_id
),

overrides as (
    select
        feedback_id,
        theme_id,
        action,
        decided_by
    from ranked_overrides
    where recency = 1
),

settled_items as (
    select distinct feedback_id
    from overrides
    where action = 'set'
),

by_source as (
    select
        tagged.feedback_id,
        themes.counts_as_theme_id as theme_id,
        min(theme_tags.tag) as evidence
    from tagged
    inner join {{ ref('stg_governance__theme_tags') }} as theme_tags on lower(tagged.member) = theme_tags.tag
    inner join themes on theme_tags.theme_id = themes.theme_id
    left join settled_items on tagged.feedback_id = settled_items.feedback_id
    where settled_items.feedback_id is null
    group by tagged.feedback_id, themes.counts_as_theme_id
),

source_items as (
    select distinct feedback_id from by_source
),

by_rule as (
    select
        matches.feedback_id,
        matches.theme_id,
        matches.pattern as evidence
    from {{ ref('stg_insight__rule_matches') }} as matches
    left join settled_items on matches.feedback_id = settled_items.feedback_id
    left join source_items on matches.feedback_id = source_items.feedback_id
    where settled_items.feedback_id is null and source_items.feedback_id is null
),

rule_items as (
    select distinct feedback_id from by_rule
),

by_model as (
    select
        scores.feedback_id,
        scores.theme_id,
        scores.confidence,
        scores.model_id
    from {{ ref('stg_insight__theme_scores') }} as scores
    left join settled_items on scores.feedback_id = settled_items.feedback_id
    left join source_items on scores.feedback_id = source_items.feedback_id
    left join rule_items on scores.feedback_id = rule_items.feedback_id
    where
        scores.status = 'assigned'
        and settled_items.feedback_id is null
        and source_items.feedback_id is null
        and rule_items.feedback_id is null
),

said as (
    select
        feedback_id,
        theme_id,
        'override' as assigned_by,
        1 as preference,
        decided_by as evidence,
        cast(null as {{ type_double() }}) as confidence,
        cast(null as {{ type_text() }}) as model_id
    from overrides
    where action in ('set', 'add')
    union all
    select
        feedback_id,
        theme_id,
        'source' as assigned_by,
        2 as preference,
        evidence,
        cast(null as {{ type_double() }}) as confidence,
        cast(null as {{ type_text() }}) as model_id
    from by_source
    union all
    select
        feedback_id,
        theme_id,
        'rule' as assigned_by,
        3 as preference,
        evidence,
        cast(null as {{ type_double() }}) as confidence,
        cast(null as {{ type_text() }}) as model_id
    from by_rule
    union all
    select
        feedback_id,
        theme_id,
        'model' as assigned_by,
        4 as preference,
        cast(null as {{ type_text() }}) as evidence,
        confidence,
        model_id
    from by_model
),

chosen as (
    select *
    from (
        select
            said.*,
            row_number() over (
                partition by said.feedback_id, said.theme_id
                order by said.preference, said.evidence nulls last
            ) as choice
        from said
        left join overrides as removed
            on
                said.feedback_id = removed.feedback_id
                and said.theme_id = removed.theme_id
                and removed.action = 'remove'
        where removed.feedback_id is null
    ) as ranked
    where choice = 1
),

final as (
    select
        {{ hashed_id(['chosen.feedback_id', 'chosen.theme_id']) }} as feedback_theme_id,
        chosen.feedback_id,
        chosen.theme_id,
        chosen.assigned_by,
        chosen.evidence,
        chosen.confidence,
        chosen.model_id,
        versions.taxonomy_version,
        feedback.object_type,
        feedback.account_id,
        feedback.occurred_at,
        feedback.occurred_on,
        feedback.segment,
        feedback.arr_amount
    from chosen
    inner join feedback on chosen.feedback_id = feedback.feedback_id
    cross join versions
)

select * from final
