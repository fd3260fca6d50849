with

items as (
    select * from {{ ref('int_insight__feedback_items') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

daily as (
    select * from {{ ref('fct_mrr_daily') }}
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
        cast(null as {{ type_text() }}) as language,
        items.kind,
        case when items.kind is not null then 'source' end as kind_assigned_by,
        items.score,
        items.score_scale,
        items.tags,
        segments.segment,
        cast(
            case when items.account_id is not null then coalesce(daily.arr_amount, 0) end as {{ type_amount() }}
        ) as arr_amount,
        items.source_url
    from items
    left join segments
        on
            items.account_id = segments.account_id
            and items.occurred_at >= segments.valid_from_at
            and items.occurred_at < segments.valid_to_at
    left join daily
        on items.account_id = daily.account_id and {{ to_local_date('items.occurred_at') }} = daily.date_on
)

select * from final
