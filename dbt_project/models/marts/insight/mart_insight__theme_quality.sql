{#
  The model is judged by what it says alone, not by what is published: there a person's decision is the answer itself.
#}
with

feedback as (
    select * from {{ ref('fct_feedback') }}
),

feedback_themes as (
    select * from {{ ref('fct_feedback_themes') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

themed_items as (
    select distinct feedback_id from feedback_themes
),

items as (
    select
        feedback.feedback_id,
        feedback.source,
        coalesce(feedback.language, 'unknown') as spoken_language,
        feedback.account_id,
        feedback.sentiment,
        feedback.sentiment_assigned_by,
        readings.sentiment as model_sentiment,
        case when themed_items.feedback_id is null then 1 else 0 end as is_unthemed,
        case when themed_items.feedback_id is null and readings.theme_status = 'review' then 1 else 0 end
            as is_in_review,
        case when feedback.is_duplicate then 1 else 0 end as is_copy,
        case when feedback.account_id is null then 1 else 0 end as is_of_unknown_account
    from feedback
    left join themed_items on feedback.feedback_id = themed_items.feedback_id
    left join {{ ref('stg_insight__items') }} as readings on feedback.feedback_id = readings.feedback_id
),

-- Each item in all, among those of its source, and among those of its language.
faceted_items as (
    select
        items.*,
        'all' as facet,
        'all' as member
    from items
    union all
    select
        items.*,
        'source' as facet,
        source as member
    from items
    union all
    select
        items.*,
        'language' as facet,
        spoken_language as member
    from items
),

-- An account speaks for itself once: it is without a theme when none of its items has one.
account_items as (
    select
        faceted_items.facet,
        faceted_items.member,
        faceted_items.account_id,
        min(faceted_items.is_unthemed) as is_unthemed,
        max(accounts.arr_amount) as arr_amount
    from faceted_items
    inner join accounts on faceted_items.account_id = accounts.account_id
    group by faceted_items.facet, faceted_items.member, faceted_items.account_id
),

account_totals as (
    select
        facet,
        member,
        coalesce(sum(case when is_unthemed = 1 then arr_amount else 0 end), 0) as unthemed_arr_amount,
        coalesce(sum(arr_amount), 0) as arr_amount
    from account_items
    group by facet, member
),

-- The later of two decisions on one theme counts.
decisions as (
    select
        feedback_id,
        theme_id,
        selection,
        is_given
    from (
        select
            overrides.feedback_id,
            themes.counts_as_theme_id as theme_id,
            case when lower(coalesce(overrides.reason, '')) = 'random sample' then 'drawn' else 'chosen' end
                as selection,
            case when overrides.action = 'remove' then 0 else 1 end as is_given,
            row_number() over (
                partition by overrides.feedback_id, themes.counts_as_theme_id
                order by coalesce(overrides.decided_at, '') desc, overrides.theme_id desc
            ) as recency
        from {{ ref('stg_governance__theme_overrides') }} as overrides
        inner join {{ ref('stg_insight__themes') }} as themes on overrides.theme_id = themes.theme_id
        inner join feedback on overrides.feedback_id = feedback.feedback_id
        where themes.counts_as_theme_id is not null
    ) as ranked
    where recency = 1
),

model_themes as (
    select
        feedback_id,
        theme_id
    from {{ ref('stg_insight__theme_scores') }}
    where status = 'assigned'
),

largest as (
    select theme_id
    from (
        select
            theme_id,
            row_number() over (order by count(*) desc, theme_id) as place
        from model_themes
        group by theme_id
    ) as ranked
    where place = 1
),

judged as (
    select
        decisions.feedback_id,
        decisions.theme_id,
        decisions.selection,
        decisions.is_given,
        case
            when model_themes.theme_id is not null then decisions.is_given
            else 1 - decisions.is_given
        end as is_agreed,
        case when largest.theme_id is not null then decisions.is_given else 1 - decisions.is_given end as is_largest
    from decisions
    left join model_themes
        on decisions.feedback_id = model_themes.feedback_id and decisions.theme_id = model_themes.theme_id
    left join largest on decisions.theme_id = largest.theme_id
),

-- Of an item, nothing that a person took away, and one of the themes that a person gave, if any.
judged_items as (
    select
        feedback_id,
        min(selection) as selection,
        case
            when max(case when is_given = 0 and is_agreed = 0 then 1 else 0 end) = 1 then 0
            when max(is_given) = 0 then 1
            else max(case when is_given = 1 then is_agreed else 0 end)
        end as is_agreed,
        case
            when max(case when is_given = 0 and is_largest = 0 then 1 else 0 end) = 1 then 0
            when max(is_given) = 0 then 1
            else max(case when is_given = 1 then is_largest else 0 end)
        end as is_largest
    from judged
    group by feedback_id
),

scored_answers as (
    select
        case when sentiment = model_sentiment then 1 else 0 end as is_agreed
    from items
    where sentiment_assigned_by = 'source' and model_sentiment is not null
),

counted as (
    select
        'unthemed' as measure,
        facet,
        member,
        sum(is_unthemed) as part_count,
        count(*) as total_count
    from faceted_items
    group by facet, member
    union all
    select
        'in_review' as measure,
        'all' as facet,
        'all' as member,
        sum(is_in_review) as part_count,
        count(*) as total_count
    from items
    union all
    select
        'duplicates' as measure,
        'all' as facet,
        'all' as member,
        sum(is_copy) as part_count,
        count(*) as total_count
    from items
    union all
    select
        'unknown_account' as measure,
        'all' as facet,
        'all' as member,
        sum(is_of_unknown_account) as part_count,
        count(*) as total_count
    from items
    union all
    select
        'assigned_by' as measure,
        'assigned_by' as facet,
        assigned_by as member,
        count(*) as part_count,
        sum(count(*)) over () as total_count
    from feedback_themes
    group by assigned_by
    union all
    select
        'agreement' as measure,
        'all' as facet,
        'all' as member,
        sum(is_agreed) as part_count,
        count(*) as total_count
    from judged_items
    union all
    select
        'agreement' as measure,
        'sample' as facet,
        selection as member,
        sum(is_agreed) as part_count,
        count(*) as total_count
    from judged_items
    group by selection
    union all
    select
        'agreement' as measure,
        'theme' as facet,
        theme_id as member,
        sum(is_agreed) as part_count,
        count(*) as total_count
    from judged
    group by theme_id
    union all
    select
        'agreement_of_largest' as measure,
        'all' as facet,
        'all' as member,
        sum(is_largest) as part_count,
        count(*) as total_count
    from judged_items
    union all
    select
        'agreement_of_largest' as measure,
        'sample' as facet,
        selection as member,
        sum(is_largest) as part_count,
        count(*) as total_count
    from judged_items
    group by selection
    union all
    select
        'sentiment_agreement' as measure,
        'all' as facet,
        'all' as member,
        sum(is_agreed) as part_count,
        count(*) as total_count
    from scored_answers
),

told as (
    select
        measure,
        facet,
        member,
        coalesce(part_count, 0) as part_count,
        total_count,
        cast(null as {{ type_amount() }}) as part_amount,
        cast(null as {{ type_amount() }}) as total_amount,
        {{ ratio('coalesce(part_count, 0)', 'total_count') }} as value_ratio,
        measure in ('agreement', 'agreement_of_largest', 'sentiment_agreement') as is_sample
    from counted
    union all
    select
        'unthemed_arr' as measure,
        facet,
        member,
        cast(null as bigint) as part_count,
        cast(null as bigint) as total_count,
        cast(unthemed_arr_amount as {{ type_amount() }}) as part_amount,
        cast(arr_amount as {{ type_amount() }}) as total_amount,
        {{ ratio('unthemed_arr_amount', 'arr_amount') }} as value_ratio,
        false as is_sample
    from account_totals
),

versions as (
    select
        scored_from_on,
        model_id,
        taxonomy_version,
        note
    from (
        select
            readings.*,
            row_number() over (order by readings.scored_from_on desc) as recency
        from {{ ref('stg_insight__versions') }} as readings
    ) as ranked
    where recency = 1
),

-- Wilson's interval: the shares at which the observed one lies 1.96 of their own standard errors away.
bounded as (
    select
        told.*,
        case
            when told.is_sample and told.total_count > 0
                then (told.value_ratio + 3.8416 / (2 * told.total_count)) / (1 + 3.8416 / told.total_count)
        end as centre,
        case
            when told.is_sample and told.total_count > 0
                then
                    1.96 * sqrt(
                        told.value_ratio * (1 - told.value_ratio) / told.total_count
                        + 3.8416 / (4 * cast(told.total_count as {{ type_double() }}) * told.total_count)
                    ) / (1 + 3.8416 / told.total_count)
        end as half_width
    from told
),

final as (
    select
        bounded.measure,
        bounded.facet,
        bounded.member,
        cast(bounded.part_count as bigint) as part_count,
        cast(bounded.total_count as bigint) as total_count,
        bounded.part_amount,
        bounded.total_amount,
        bounded.value_ratio,
        cast(bounded.centre - bounded.half_width as {{ type_double() }}) as interval_low,
        cast(bounded.centre + bounded.half_width as {{ type_double() }}) as interval_high,
        bounded.is_sample and bounded.total_count < 100 as is_too_few,
        versions.model_id,
        versions.taxonomy_version,
        versions.scored_from_on,
        nullif(versions.note, '') as model_note
    from bounded
    left join versions on 1 = 1
)

select * from final
