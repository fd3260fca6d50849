{#
  Dense: every week from the first feedback item to now, for every theme that counts, for all items together ('all') and
  for those without any theme ('unthemed'). An item of two themes counts for both, and once in 'all'.
#}
with

feedback as (
    select
        feedback_id,
        account_id,
        occurred_at,
        arr_amount,
        {{ start_of('week', 'occurred_on') }} as week_start_on
    from {{ ref('fct_feedback') }}
    where occurred_at is not null
),

feedback_themes as (
    select * from {{ ref('fct_feedback_themes') }}
),

accounts as (
    select
        account_id,
        arr_amount
    from {{ ref('dim_accounts') }}
),

mentions as (
    select
        feedback.*,
        feedback_themes.theme_id
    from feedback
    inner join feedback_themes on feedback.feedback_id = feedback_themes.feedback_id
    union all
    select
        feedback.*,
        'all' as theme_id
    from feedback
    union all
    select
        feedback.*,
        'unthemed' as theme_id
    from feedback
    left join feedback_themes on feedback.feedback_id = feedback_themes.feedback_id
    where feedback_themes.feedback_id is null
),

counted as (
    select
        week_start_on,
        theme_id,
        count(*) as mention_count,
        sum(case when account_id is null then 1 else 0 end) as unknown_account_mention_count
    from mentions
    group by week_start_on, theme_id
),

ranked_mentions as (
    -- an account counts once, with what it was worth on the day of its latest word
    select
        mentions.week_start_on,
        mentions.theme_id,
        mentions.account_id,
        mentions.arr_amount,
        row_number() over (
            partition by mentions.week_start_on, mentions.theme_id, mentions.account_id
            order by mentions.occurred_at desc, mentions.feedback_id asc
        ) as recency
    from mentions
    where mentions.account_id is not null
),

account_mentions as (
    select
        ranked_mentions.week_start_on,
        ranked_mentions.theme_id,
        ranked_mentions.account_id,
        ranked_mentions.arr_amount,
        accounts.arr_amount as current_arr_amount,
        sum(ranked_mentions.arr_amount) over (
            partition by ranked_mentions.week_start_on, ranked_mentions.theme_id
        ) as theme_arr_amount
    from ranked_mentions
    inner join accounts on ranked_mentions.account_id = accounts.account_id
    where ranked_mentions.recency = 1
),

worth as (
    select
        week_start_on,
        theme_id,
        count(*) as account_count,
        sum(arr_amount) as arr_amount,
        sum(
            case when arr_amount > 0.2 * theme_arr_amount then 0.2 * theme_arr_amount else arr_amount end
        ) as capped_arr_amount,
        sum(current_arr_amount) as current_arr_amount
    from account_mentions
    group by week_start_on, theme_id
),

days as (
    {{ date_spine('(select min(feedback.week_start_on) from feedback)', today()) }}
),

weeks as (
    select distinct {{ start_of('week', 'date_on') }} as week_start_on
    from days
),

subjects as (
    select theme_id from {{ ref('dim_themes') }}
    where is_counted
    union all
    select 'all' as theme_id
    union all
    select 'unthemed' as theme_id
),

versions as (
    select max(taxonomy_version) as taxonomy_version
    from {{ ref('dim_themes') }}
),

dense as (
    select
        weeks.week_start_on,
        subjects.theme_id,
        coalesce(counted.mention_count, 0) as mention_count,
        coalesce(worth.account_count, 0) as account_count,
        coalesce(counted.unknown_account_mention_count, 0) as unknown_account_mention_count,
        coalesce(worth.arr_amount, 0) as arr_amount,
        coalesce(worth.capped_arr_amount, 0) as capped_arr_amount,
        coalesce(worth.current_arr_amount, 0) as current_arr_amount
    from weeks
    cross join subjects
    left join counted on weeks.week_start_on = counted.week_start_on and subjects.theme_id = counted.theme_id
    left join worth on weeks.week_start_on = worth.week_start_on and subjects.theme_id = worth.theme_id
),

totals as (
    select
        week_start_on,
        max(case when theme_id = 'all' then mention_count end) as feedback_count,
        max(case when theme_id = 'unthemed' then mention_count end) as unthemed_count
    from dense
    where theme_id in ('all', 'unthemed')
    group by week_start_on
),

final as (
    select
        dense.week_start_on,
        dense.theme_id,
        cast(dense.mention_count as bigint) as mention_count,
        cast(dense.account_count as bigint) as account_count,
        cast(dense.unknown_account_mention_count as bigint) as unknown_account_mention_count,
        cast(dense.arr_amount as {{ type_amount() }}) as arr_amount,
        cast(dense.capped_arr_amount as {{ type_amount() }}) as capped_arr_amount,
        cast(dense.current_arr_amount as {{ type_amount() }}) as current_arr_amount,
        cast(totals.feedback_count as bigint) as feedback_count,
        cast(totals.unthemed_count as bigint) as unthemed_count,
        {{ ratio('totals.unthemed_count', 'totals.feedback_count') }} as unthemed_ratio,
        {{ add_days('dense.week_start_on', 7) }} <= {{ today() }} as is_complete,
        versions.taxonomy_version
    from dense
    inner join totals on dense.week_start_on = totals.week_start_on
    cross join versions
)

select * from final
