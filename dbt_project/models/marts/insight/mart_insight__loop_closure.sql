{#
  Who asked for what was delivered, and what became of it. A mention is a linked ticket or an item of the delivery's
  theme; a ticket that is both is one.
#}
with

governed as (
    select
        delivery_id,
        feature,
        adopter_event
    from {{ ref('stg_governance__deliveries') }}
),

deliveries as (
    select
        deliveries.delivery_id,
        deliveries.theme_id,
        deliveries.released_at,
        deliveries.released_on,
        governed.feature,
        governed.adopter_event,
        coalesce(governed.feature, governed.adopter_event) is not null as is_use_measured
    from {{ ref('dim_deliveries') }} as deliveries
    left join governed on deliveries.delivery_id = governed.delivery_id
    where deliveries.released_at <= {{ now_utc() }}
),

links as (
    select * from {{ ref('int_support__work_items_linked') }}
),

delivery_items as (
    select * from {{ ref('int_delivery__delivery_items') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

themes as (
    -- a delivery may name a theme that was merged into another: its mentions count there
    select
        themes.theme_id,
        mentions.feedback_id
    from {{ ref('dim_themes') }} as themes
    inner join {{ ref('fct_feedback_themes') }} as mentions on themes.counts_as_theme_id = mentions.theme_id
),

tickets as (
    select
        ticket_id,
        instance,
        vendor_ticket_id
    from {{ ref('int_support__tickets_resolved') }}
),

comments as (
    {{ union_sources('support__ticket_comments', {
        'comment_id': 'text',
        'ticket_id': 'text',
        'created_at': 'timestamp',
        'is_public': 'boolean',
        'author_kind': 'text',
    }) }}
),

usage_days as (
    select * from {{ ref('int_metric__usage_days') }}
),

said as (
    select
        feedback.feedback_id,
        feedback.account_id,
        feedback.object_type,
        feedback.occurred_at,
        tickets.ticket_id
    from feedback
    left join tickets
        on
            feedback.object_type = 'ticket'
            and feedback.instance = tickets.instance
            and feedback.object_id = tickets.vendor_ticket_id
    where feedback.account_id is not null
),

mentions as (
    select
        deliveries.delivery_id,
        said.feedback_id
    from links
    inner join delivery_items on links.work_item_id = delivery_items.work_item_id
    inner join deliveries on delivery_items.delivery_id = deliveries.delivery_id
    inner join said on links.ticket_id = said.ticket_id
    union
    select
        deliveries.delivery_id,
        themes.feedback_id
    from deliveries
    inner join themes on deliveries.theme_id = themes.theme_id
),

heard as (
    select
        mentions.delivery_id,
        said.account_id,
        said.object_type,
        said.ticket_id,
        said.occurred_at,
        deliveries.released_at,
        said.occurred_at < deliveries.released_at as is_before
    from mentions
    inner join said on mentions.feedback_id = said.feedback_id
    inner join deliveries on mentions.delivery_id = deliveries.delivery_id
),

asked as (
    select
        delivery_id,
        account_id,
        count(*) as ask_count,
        min(occurred_at) as first_asked_at,
        max(occurred_at) as last_asked_at
    from heard
    where is_before
    group by delivery_id, account_id
),

replies as (
    select
        heard.delivery_id,
        heard.account_id,
        min(comments.created_at) as replied_at
    from heard
    inner join comments
        on
            heard.ticket_id = comments.ticket_id
            and heard.released_at < comments.created_at
    where heard.is_before and comments.is_public and comments.author_kind = 'agent'
    group by heard.delivery_id, heard.account_id
),

-- A note is of a talk with the customer, who may have been told; it names the theme, so it came up once more.
later as (
    select
        delivery_id,
        account_id,
        min(case when object_type = 'crm_note' then occurred_at end) as noted_at,
        count(*) as ask_count,
        max(occurred_at) as last_asked_at
    from heard
    where not is_before
    group by delivery_id, account_id
),

uses as (
    select
        deliveries.delivery_id,
        usage_days.account_id,
        min(usage_days.date_on) as first_used_on
    from deliveries
    inner join usage_days
        on
            deliveries.released_on <= usage_days.date_on
            and (deliveries.feature is null or deliveries.feature = usage_days.feature)
            and (deliveries.adopter_event is null or deliveries.adopter_event = usage_days.event_name)
    where deliveries.is_use_measured and usage_days.account_id is not null
    group by deliveries.delivery_id, usage_days.account_id
),

final as (
    select
        asked.delivery_id,
        asked.account_id,
        cast(asked.ask_count as bigint) as ask_count,
        asked.first_asked_at,
        asked.last_asked_at,
        deliveries.released_at as delivered_at,
        deliveries.released_on as delivered_on,
        case
            when replies.replied_at is null then later.noted_at
            when later.noted_at < replies.replied_at then later.noted_at
            else replies.replied_at
        end as told_at,
        case
            when replies.replied_at is null and later.noted_at is null then null
            when replies.replied_at is null or later.noted_at < replies.replied_at then 'note'
            else 'public_reply'
        end as told_by,
        deliveries.is_use_measured,
        uses.first_used_on as used_on,
        cast(coalesce(later.ask_count, 0) as bigint) as later_ask_count,
        later.last_asked_at as last_asked_after_at,
        coalesce(later.ask_count, 0) > 0 as is_still_asking,
        case
            when coalesce(later.ask_count, 0) > 0 then 'still_asking'
            when uses.first_used_on is not null then 'used'
            when replies.replied_at is not null or later.noted_at is not null then 'told'
            else 'not_told'
        end as loop_state
    from asked
    inner join deliveries on asked.delivery_id = deliveries.delivery_id
    left join replies on asked.delivery_id = replies.delivery_id and asked.account_id = replies.account_id
    left join later on asked.delivery_id = later.delivery_id and asked.account_id = later.account_id
    left join uses on asked.delivery_id = uses.delivery_id and asked.account_id = uses.account_id
)

select * from final
