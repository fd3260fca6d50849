{# What the trends engine reads of the items that nobody gives a theme: their words without personal data. #}
with

themed_items as (
    select distinct feedback_id from {{ ref('fct_feedback_themes') }}
),

readings as (
    select * from {{ ref('stg_insight__items') }}
),

vectors as (
    select * from {{ ref('stg_insight__vectors') }}
),

final as (
    select
        feedback.feedback_id,
        feedback.occurred_on as date_on,
        feedback.language,
        feedback.text_redacted,
        coalesce(feedback.is_duplicate, false) as is_duplicate,
        vectors.vector
    from {{ ref('fct_feedback') }} as feedback
    inner join readings on feedback.feedback_id = readings.feedback_id
    inner join vectors on readings.text_hash = vectors.text_hash
    left join themed_items on feedback.feedback_id = themed_items.feedback_id
    where themed_items.feedback_id is null and feedback.text_redacted is not null and feedback.occurred_on is not null
)

select * from final
