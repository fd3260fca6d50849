{#
  What the trends engine reads of the days: items by theme, and of all ('all', with every day). The running day is left
  out: it would look like a fall.
#}
with

feedback as (
    select
        feedback_id,
        occurred_on as date_on
    from {{ ref('fct_feedback') }}
    where occurred_on is not null
),

days as (
    {{ date_spine('(select min(feedback.date_on) from feedback)', add_days(today(), -1)) }}
),

themed as (
    select
        feedback_themes.theme_id,
        feedback.date_on,
        count(*) as item_count
    from {{ ref('fct_feedback_themes') }} as feedback_themes
    inner join feedback on feedback_themes.feedback_id = feedback.feedback_id
    where feedback.date_on < {{ today() }}
    group by feedback_themes.theme_id, feedback.date_on
),

totals as (
    select
        'all' as theme_id,
        days.date_on,
        count(feedback.feedback_id) as item_count
    from days
    left join feedback on days.date_on = feedback.date_on
    where days.date_on < {{ today() }}
    group by days.date_on
),

final as (
    select
        theme_id,
        date_on,
        cast(item_count as bigint) as item_count
    from themed
    union all
    select
        theme_id,
        date_on,
        cast(item_count as bigint) as item_count
    from totals
)

select * from final
