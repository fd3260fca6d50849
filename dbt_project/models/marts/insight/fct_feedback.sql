with

items as (
    select
        feedback_items.*,
        {{ to_local_date('feedback_items.occurred_at') }} as occurred_on
    from {{ ref('int_insight__feedback_items') }} as feedback_items
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

daily as (
    select * from {{ ref('fct_mrr_daily') }}
),

readings as (
    select * from {{ ref('stg_insight__items') }}
),

final as (
    select
        items.feedback_id,
        items.source,
        items.instance,
        items.object_type,
        items.object_id,
        cast('' as {{ type_text() }}) as part_id,
        items.account_id,
        items.person_key,
        items.occurred_at,
        items.occurred_on,
        readings.language,
        coalesce(items.kind, readings.kind) as kind,
        case when items.kind is not null then 'source' when readings.kind is not null then 'model' end
            as kind_assigned_by,
        case when items.kind is null then readings.kind_confidence end as kind_confidence,
        case
            when items.score_scale = 'nps_0_10' and items.score >= 9 then 'positive'
            when items.score_scale = 'nps_0_10' and items.score <= 6 then 'negative'
            when items.score_scale = 'nps_0_10' and items.score is not null then 'neutral'
            when items.score_scale = 'csat_good_bad' and items.score >= 1 then 'positive'
            when items.score_scale = 'csat_good_bad' and items.score <= 0 then 'negative'
            else readings.sentiment
        end as sentiment,
        case
            when items.score_scale in ('nps_0_10', 'csat_good_bad') and items.score is not null then 'source'
            when readings.sentiment is not null then 'model'
        end as sentiment_assigned_by,
        readings.sentiment_score,
        readings.text_redacted,
        readings.duplicate_group_id,
        readings.is_duplicate,
        items.score,
        items.score_scale,
        items.tags,
        segments.segment,
        cast(
            case when items.account_id is not null then coalesce(daily.arr_amount, 0) end as {{ type_amount() }}
        ) as arr_amount,
        items.source_url
    from items
    left join readings on items.feedback_id = readings.feedback_id
    left join segments
        on
            items.account_id = segments.account_id
            and items.occurred_at >= segments.valid_from_at
            and items.occurred_at < segments.valid_to_at
    left join daily
        on items.account_id = daily.account_id and items.occurred_on = daily.date_on
)

select * from final
