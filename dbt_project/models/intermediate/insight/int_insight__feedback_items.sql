{# Every feedback item with its own words. The words stay here: what is published of an item is fct_feedback. #}
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

deal_sources as (
    {{ union_sources('crm__deals', {
        'deal_id': 'text',
        'instance': 'text',
        'vendor_deal_id': 'text',
        'loss_reason_text': 'text',
    }) }}
),

items as (
    select
        source_name as source,
        instance,
        object_type,
        vendor_object_id as object_id,
        account_id,
        person_key,
        deal_id,
        occurred_at,
        kind,
        score,
        score_scale,
        tags,
        body as feedback_text,
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
        cast(null as {{ type_text() }}) as deal_id,
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
        trim(coalesce(subject, '') || '
' || coalesce(description, '')) as feedback_text,
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
        deals.deal_id,
        deals.closed_at as occurred_at,
        'loss_reason' as kind,
        cast(null as {{ type_double() }}) as score,
        cast(null as {{ type_text() }}) as score_scale,
        deals.loss_reason as tags,
        deal_sources.loss_reason_text as feedback_text,
        deals.crm_url as source_url
    from deals
    inner join deal_sources on deals.deal_id = deal_sources.deal_id
    where deals.status = 'lost' and deals.loss_reason is not null
),

final as (
    select
        {{ hashed_id(['instance', 'object_type', 'object_id', "''"]) }} as feedback_id,
        source,
        instance,
        object_type,
        object_id,
        account_id,
        person_key,
        deal_id,
        occurred_at,
        kind,
        score,
        score_scale,
        nullif(tags, '') as tags,
        -- What an erased person said is gone; that something was said stays.
        case when feedback_text not like '[words erased]%' then nullif(feedback_text, '') end as feedback_text,
        source_url
    from items
)

select * from final
