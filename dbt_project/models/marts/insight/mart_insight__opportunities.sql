{#
  Each theme that counts, as of now: how many ask for it, what they are worth, where it goes, what was lost with that
  reason, what is open, and what is being done about it.
#}
with

feedback_themes as (
    select * from {{ ref('fct_feedback_themes') }}
    where occurred_at is not null
),

items as (
    select
        feedback_id,
        deal_id
    from {{ ref('int_insight__feedback_items') }}
),

themes as (
    select * from {{ ref('dim_themes') }}
),

accounts as (
    select
        account_id,
        arr_amount
    from {{ ref('dim_accounts') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

movements as (
    select
        account_id,
        month_start_on,
        mrr_amount
    from {{ ref('fct_mrr_movements') }}
    where movement_type = 'churn'
),

deliveries as (
    select
        deliveries.delivery_id,
        deliveries.status,
        themes.counts_as_theme_id as theme_id
    from {{ ref('dim_deliveries') }} as deliveries
    inner join themes on deliveries.theme_id = themes.theme_id
    where themes.counts_as_theme_id is not null
),

decision_deliveries as (
    select * from {{ ref('stg_governance__decision_deliveries') }}
),

currencies as (
    select max(currency) as currency from {{ ref('fct_mrr_daily') }}
),

windows as (
    select
        feedback_themes.*,
        case
            when feedback_themes.occurred_at > {{ dbt.dateadd('day', -90, now_utc()) }} then 'recent'
            when feedback_themes.occurred_at > {{ dbt.dateadd('day', -180, now_utc()) }} then 'before'
        end as period
    from feedback_themes
),

mentioned as (
    select
        theme_id,
        count(*) as total_mention_count,
        count(distinct account_id) as total_account_count,
        min(occurred_at) as first_mentioned_at,
        max(occurred_at) as last_mentioned_at,
        sum(case when period = 'recent' then 1 else 0 end) as mention_count,
        count(distinct case when period = 'recent' then account_id end) as account_count,
        sum(case when period = 'recent' and account_id is null then 1 else 0 end) as unknown_account_mention_count,
        sum(case when period = 'before' then 1 else 0 end) as mention_before_count,
        count(distinct case when period = 'before' then account_id end) as account_before_count
    from windows
    group by theme_id
),

ranked_mentions as (
    -- an account counts once, with what it was worth on the day of its latest word
    select
        theme_id,
        account_id,
        arr_amount,
        row_number() over (
            partition by theme_id, account_id
            order by occurred_at desc, feedback_id asc
        ) as recency
    from windows
    where period = 'recent' and account_id is not null
),

account_mentions as (
    select
        ranked_mentions.theme_id,
        ranked_mentions.arr_amount,
        accounts.arr_amount as current_arr_amount,
        sum(accounts.arr_amount) over (partition by ranked_mentions.theme_id) as theme_arr_amount
    from ranked_mentions
    inner join accounts on ranked_mentions.account_id = accounts.account_id
    where ranked_mentions.recency = 1
),

worth as (
    select
        theme_id,
        sum(arr_amount) as arr_amount,
        sum(current_arr_amount) as current_arr_amount,
        sum(
            case
                when current_arr_amount > 0.2 * theme_arr_amount then 0.2 * theme_arr_amount
                else current_arr_amount
            end
        ) as capped_current_arr_amount
    from account_mentions
    group by theme_id
),

theme_deals as (
    -- a deal names a theme once, however many notes do
    select
        feedback_themes.theme_id,
        deals.deal_id,
        deals.account_id,
        deals.status,
        deals.deal_type,
        coalesce(deals.reporting_amount, 0) as amount,
        {{ to_local_date('deals.closed_at') }} as closed_on,
        max(case when feedback_themes.object_type = 'deal_loss_reason' then 1 else 0 end) as is_reason
    from feedback_themes
    inner join items on feedback_themes.feedback_id = items.feedback_id
    inner join deals on items.deal_id = deals.deal_id
    group by
        feedback_themes.theme_id,
        deals.deal_id,
        deals.account_id,
        deals.status,
        deals.deal_type,
        deals.reporting_amount,
        deals.closed_at
),

pipeline as (
    select
        theme_id,
        sum(case when status = 'open' then 1 else 0 end) as open_deal_count,
        sum(case when status = 'open' then amount else 0 end) as open_pipeline_amount,
        sum(case when status = 'lost' and not {{ is_renewal('coalesce(deal_type, \'\')') }} then 1 else 0 end)
            as lost_deal_count,
        sum(case when status = 'lost' and not {{ is_renewal('coalesce(deal_type, \'\')') }} then amount else 0 end)
            as lost_pipeline_amount
    from theme_deals
    group by theme_id
),

lost_customers as (
    -- a renewal lost with that reason, and the end of what was paid within a month before to three months after
    select distinct
        theme_deals.theme_id,
        movements.account_id,
        movements.month_start_on,
        movements.mrr_amount
    from theme_deals
    inner join movements
        on
            theme_deals.account_id = movements.account_id
            and movements.month_start_on >= {{ add_months(start_of('month', 'theme_deals.closed_on'), -1) }}
            and movements.month_start_on <= {{ add_months(start_of('month', 'theme_deals.closed_on'), 3) }}
    where
        theme_deals.status = 'lost' and theme_deals.is_reason = 1
        and {{ is_renewal('coalesce(theme_deals.deal_type, \'\')') }}
),

lost as (
    select
        theme_id,
        count(distinct account_id) as lost_account_count,
        sum(-12 * mrr_amount) as lost_arr_amount
    from lost_customers
    group by theme_id
),

answered as (
    select
        theme_id,
        count(*) as delivery_count,
        sum(case when status = 'released' then 1 else 0 end) as released_delivery_count,
        {{ joined_values('delivery_id', ',') }} as delivery_ids
    from deliveries
    group by theme_id
),

decided as (
    select
        theme_id,
        count(*) as decision_count,
        {{ joined_values('decision_id', ',') }} as decision_ids
    from (
        select distinct
            deliveries.theme_id,
            decision_deliveries.decision_id
        from deliveries
        inner join decision_deliveries on deliveries.delivery_id = decision_deliveries.delivery_id
    ) as pairs
    group by theme_id
),

gathered as (
    select
        themes.theme_id,
        themes.name_en,
        themes.name_pt,
        themes.parent_id,
        themes.owner,
        themes.taxonomy_version,
        coalesce(mentioned.mention_count, 0) as mention_count,
        coalesce(mentioned.account_count, 0) as account_count,
        coalesce(mentioned.unknown_account_mention_count, 0) as unknown_account_mention_count,
        coalesce(worth.arr_amount, 0) as arr_amount,
        coalesce(worth.current_arr_amount, 0) as current_arr_amount,
        coalesce(worth.capped_current_arr_amount, 0) as capped_current_arr_amount,
        coalesce(mentioned.mention_before_count, 0) as mention_before_count,
        coalesce(mentioned.account_before_count, 0) as account_before_count,
        coalesce(mentioned.total_mention_count, 0) as total_mention_count,
        coalesce(mentioned.total_account_count, 0) as total_account_count,
        mentioned.first_mentioned_at,
        mentioned.last_mentioned_at,
        coalesce(lost.lost_account_count, 0) as lost_account_count,
        coalesce(lost.lost_arr_amount, 0) as lost_arr_amount,
        coalesce(pipeline.open_deal_count, 0) as open_deal_count,
        coalesce(pipeline.open_pipeline_amount, 0) as open_pipeline_amount,
        coalesce(pipeline.lost_deal_count, 0) as lost_deal_count,
        coalesce(pipeline.lost_pipeline_amount, 0) as lost_pipeline_amount,
        coalesce(answered.delivery_count, 0) as delivery_count,
        coalesce(answered.released_delivery_count, 0) as released_delivery_count,
        answered.delivery_ids,
        coalesce(decided.decision_count, 0) as decision_count,
        decided.decision_ids
    from themes
    left join mentioned on themes.theme_id = mentioned.theme_id
    left join worth on themes.theme_id = worth.theme_id
    left join lost on themes.theme_id = lost.theme_id
    left join pipeline on themes.theme_id = pipeline.theme_id
    left join answered on themes.theme_id = answered.theme_id
    left join decided on themes.theme_id = decided.theme_id
    where themes.is_counted
),

scored as (
    select
        gathered.*,
        coalesce({{ ratio('account_count', 'max(account_count) over ()') }}, 0) as accounts_score,
        coalesce({{ ratio('capped_current_arr_amount', 'max(capped_current_arr_amount) over ()') }}, 0) as arr_score
    from gathered
),

final as (
    select
        scored.theme_id,
        scored.name_en,
        scored.name_pt,
        scored.parent_id,
        scored.owner,
        cast(scored.mention_count as bigint) as mention_count,
        cast(scored.account_count as bigint) as account_count,
        cast(scored.unknown_account_mention_count as bigint) as unknown_account_mention_count,
        cast(scored.arr_amount as {{ type_amount() }}) as arr_amount,
        cast(scored.current_arr_amount as {{ type_amount() }}) as current_arr_amount,
        cast(scored.capped_current_arr_amount as {{ type_amount() }}) as capped_current_arr_amount,
        cast(scored.mention_before_count as bigint) as mention_before_count,
        cast(scored.account_before_count as bigint) as account_before_count,
        {{ ratio('scored.account_count - scored.account_before_count', 'scored.account_before_count') }}
            as account_trend_ratio,
        cast(scored.total_mention_count as bigint) as total_mention_count,
        cast(scored.total_account_count as bigint) as total_account_count,
        scored.first_mentioned_at,
        scored.last_mentioned_at,
        cast(scored.lost_account_count as bigint) as lost_account_count,
        cast(scored.lost_arr_amount as {{ type_amount() }}) as lost_arr_amount,
        cast(scored.open_deal_count as bigint) as open_deal_count,
        cast(scored.open_pipeline_amount as {{ type_amount() }}) as open_pipeline_amount,
        cast(scored.lost_deal_count as bigint) as lost_deal_count,
        cast(scored.lost_pipeline_amount as {{ type_amount() }}) as lost_pipeline_amount,
        currencies.currency,
        cast(scored.delivery_count as bigint) as delivery_count,
        cast(scored.released_delivery_count as bigint) as released_delivery_count,
        scored.delivery_ids,
        cast(scored.decision_count as bigint) as decision_count,
        scored.decision_ids,
        scored.accounts_score,
        scored.arr_score,
        50 * (scored.accounts_score + scored.arr_score) as opportunity_score,
        cast(rank() over (order by scored.account_count desc) as bigint) as accounts_rank,
        cast(rank() over (order by scored.capped_current_arr_amount desc) as bigint) as arr_rank,
        scored.taxonomy_version
    from scored
    cross join currencies
)

select * from final
