with

resolved as (
    select * from {{ ref('int_insight__feedback_resolved') }}
),

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

daily as (
    select * from {{ ref('fct_mrr_daily') }}
),

deal_sources as (
    {{ union_sources('crm__deals', {'deal_id': 'text', 'instance': 'text', 'vendor_deal_id': 'text'}) }}
),

items as (
    select
        source_name as source,
        instance,
        object_type,
        vendor_object_id as object_id,
        account_id,
        person_key,
        occurred_at,
        kind,
        score,
        score_scale,
        tags,
        source_url
    from resolved
    where has_text

    union all

    select
        source_name as source,
        instance,
        'ticket' as object_type,
        vendor_ticket_id as object_id,
        account_id,
        requester_person_key as person_key,
        created_at as occurred_at,
        case ticket_type
            when 'problem' then 'bug'
            when 'incident' then 'bug'
            when 'question' then 'question'
            when 'task' then 'request'
        end as kind,
        cast(null as {{ type_double() }}) as score,
        cast(null as {{ type_text() }}) as score_scale,
        tags,
        support_url as source_url
    from tickets

    union all

    select
        deal_sources.source_name as source,
        deal_sources.instance,
        'deal_loss_reason' as object_type,
        deal_sources.vendor_deal_id as object_id,
        deals.account_id,
        cast(null as {{ type_text() }}) as person_key,
        deals.closed_at as occurred_at,
        'loss_reason' as kind,
        cast(null as {{ type_double() }}) as score,
        cast(null as {{ type_text() }}) as score_scale,
        deals.loss_reason as tags,
        deals.crm_url as source_url
    from deals
    inner join deal_sources on deals.deal_id = deal_sources.deal_id
    where deals.status = 'lost' and deals.loss_reason is not null
),

final as (
    select
        {{ hashed_id(['items.instance', 'items.object_type', 'items.object_id', "''"]) }} as feedback_id,
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
        nullif(items.tags, '') as tags,
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
