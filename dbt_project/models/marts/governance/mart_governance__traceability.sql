with

work_items as (
    select * from {{ ref('fct_work_items') }}
),

cancelled_items as (
    select work_item_id
    from {{ ref('int_delivery__work_items_unioned') }}
    where is_cancelled
),

ancestors as (
    select * from {{ ref('int_delivery__work_item_ancestors') }}
),

deliveries as (
    select * from {{ ref('dim_deliveries') }}
),

delivery_metrics as (
    select * from {{ ref('stg_governance__delivery_metrics') }}
),

delivery_key_results as (
    select * from {{ ref('stg_governance__delivery_key_results') }}
),

decisions as (
    select
        decision_deliveries.delivery_id,
        decisions.decision_id,
        decisions.evidence_kind,
        coalesce(decisions.evidence_count, 0) as evidence_count
    from {{ ref('stg_governance__decision_deliveries') }} as decision_deliveries
    inner join {{ ref('stg_governance__decisions') }} as decisions
        on decision_deliveries.decision_id = decisions.decision_id
),

linked_items as (
    select * from {{ ref('int_support__work_items_linked') }}
),

tickets as (
    select
        ticket_id,
        account_id,
        created_at
    from {{ ref('fct_tickets') }}
),

mrr_daily as (
    select
        account_id,
        date_on,
        arr_amount
    from {{ ref('fct_mrr_daily') }}
),

roadmap_items as (
    select work_items.*
    from work_items
    left join cancelled_items on work_items.work_item_id = cancelled_items.work_item_id
    where
        work_items.work_item_level in ('epic', 'initiative')
        and not (cancelled_items.work_item_id is not null and work_items.status_category = 'done')
),

item_tickets as (
    -- what was linked after the item was done asked for something that was there already
    select distinct
        roadmap_items.work_item_id,
        tickets.ticket_id,
        tickets.account_id,
        tickets.created_at
    from linked_items
    inner join ancestors on linked_items.work_item_id = ancestors.work_item_id
    inner join roadmap_items on ancestors.ancestor_work_item_id = roadmap_items.work_item_id
    inner join tickets on linked_items.ticket_id = tickets.ticket_id
    where roadmap_items.done_at is null or linked_items.linked_at <= roadmap_items.done_at
),

item_accounts as (
    -- an account counts once, with what it was worth on the day of its latest word
    select
        work_item_id,
        account_id,
        {{ to_local_date('max(created_at)') }} as last_feedback_on
    from item_tickets
    where account_id is not null
    group by work_item_id, account_id
),

feedback_counts as (
    select
        work_item_id,
        count(*) as feedback_count
    from item_tickets
    group by work_item_id
),

feedback_worth as (
    select
        item_accounts.work_item_id,
        count(*) as feedback_account_count,
        sum(coalesce(mrr_daily.arr_amount, 0)) as feedback_arr_amount
    from item_accounts
    left join mrr_daily
        on
            item_accounts.account_id = mrr_daily.account_id
            and item_accounts.last_feedback_on = mrr_daily.date_on
    group by item_accounts.work_item_id
),

item_deliveries as (
    -- an epic stands for its own delivery, an initiative for those of its epics too
    select distinct
        ancestors.ancestor_work_item_id as work_item_id,
        work_items.delivery_id
    from ancestors
    inner join work_items on ancestors.work_item_id = work_items.work_item_id
    where
        work_items.work_item_level in ('epic', 'initiative')
        and work_items.delivery_id is not null
),

-- What customers said of the themes that its deliveries answer; what came after the item was done is no reason for it.
item_themes as (
    select distinct
        item_deliveries.work_item_id,
        themes.counts_as_theme_id as theme_id
    from item_deliveries
    inner join deliveries on item_deliveries.delivery_id = deliveries.delivery_id
    inner join {{ ref('dim_themes') }} as themes on deliveries.theme_id = themes.theme_id
    where themes.counts_as_theme_id is not null
),

theme_lists as (
    select
        work_item_id,
        {{ joined_values('theme_id', ',') }} as theme_ids
    from item_themes
    group by work_item_id
),

theme_mentions as (
    select
        item_themes.work_item_id,
        feedback_themes.feedback_id,
        feedback_themes.account_id,
        feedback_themes.arr_amount,
        row_number() over (
            partition by item_themes.work_item_id, feedback_themes.account_id
            order by feedback_themes.occurred_at desc, feedback_themes.feedback_id desc
        ) as recency
    from item_themes
    inner join roadmap_items on item_themes.work_item_id = roadmap_items.work_item_id
    inner join {{ ref('fct_feedback_themes') }} as feedback_themes
        on item_themes.theme_id = feedback_themes.theme_id
    where roadmap_items.done_at is null or feedback_themes.occurred_at <= roadmap_items.done_at
),

theme_worth as (
    select
        work_item_id,
        count(distinct feedback_id) as theme_feedback_count,
        count(distinct account_id) as theme_account_count,
        sum(case when account_id is not null and recency = 1 then arr_amount else 0 end) as theme_arr_amount
    from theme_mentions
    group by work_item_id
),

metric_counts as (
    select
        item_deliveries.work_item_id,
        count(distinct delivery_metrics.metric_id) as metric_count
    from item_deliveries
    inner join delivery_metrics on item_deliveries.delivery_id = delivery_metrics.delivery_id
    group by item_deliveries.work_item_id
),

key_result_counts as (
    select
        item_deliveries.work_item_id,
        count(distinct delivery_key_results.key_result_id) as key_result_count
    from item_deliveries
    inner join delivery_key_results on item_deliveries.delivery_id = delivery_key_results.delivery_id
    group by item_deliveries.work_item_id
),

item_decisions as (
    select distinct
        item_deliveries.work_item_id,
        decisions.decision_id,
        decisions.evidence_kind,
        decisions.evidence_count
    from item_deliveries
    inner join decisions on item_deliveries.delivery_id = decisions.delivery_id
),

decision_sums as (
    select
        work_item_id,
        count(*) as decision_count,
        max(
            case when evidence_kind = 'customer_evidence' and evidence_count >= 1 then 1 else 0 end
        ) as has_customer_evidence,
        max(case when evidence_kind in ('metric', 'experiment') then 1 else 0 end) as has_metric,
        max(case when evidence_kind = 'mandate' then 1 else 0 end) as has_mandate
    from item_decisions
    group by work_item_id
),

decision_kinds as (
    select
        work_item_id,
        {{ joined_values('evidence_kind', ',') }} as decision_evidence_kinds
    from (
        select distinct
            work_item_id,
            evidence_kind
        from item_decisions
    ) as kinds
    group by work_item_id
),

work as (
    select
        ancestors.ancestor_work_item_id as work_item_id,
        {{ stable_sum('work_items.people_days') }} as people_days
    from ancestors
    inner join work_items on ancestors.work_item_id = work_items.work_item_id
    group by ancestors.ancestor_work_item_id
),

final as (
    select
        roadmap_items.work_item_id,
        roadmap_items.work_item_key,
        roadmap_items.work_item_level,
        roadmap_items.delivery_id,
        roadmap_items.team_id,
        deliveries.owner,
        case roadmap_items.status_category
            when 'to_do' then 'planned'
            when 'in_progress' then 'in_progress'
            else 'delivered'
        end as status,
        cast(coalesce(feedback_counts.feedback_count, 0) as bigint) as feedback_count,
        cast(coalesce(feedback_worth.feedback_account_count, 0) as bigint) as feedback_account_count,
        cast(coalesce(feedback_worth.feedback_arr_amount, 0) as {{ type_amount() }}) as feedback_arr_amount,
        theme_lists.theme_ids,
        cast(coalesce(theme_worth.theme_feedback_count, 0) as bigint) as theme_feedback_count,
        cast(coalesce(theme_worth.theme_account_count, 0) as bigint) as theme_account_count,
        cast(coalesce(theme_worth.theme_arr_amount, 0) as {{ type_amount() }}) as theme_arr_amount,
        cast(coalesce(metric_counts.metric_count, 0) as bigint) as metric_count,
        cast(coalesce(key_result_counts.key_result_count, 0) as bigint) as key_result_count,
        cast(coalesce(decision_sums.decision_count, 0) as bigint) as decision_count,
        decision_kinds.decision_evidence_kinds,
        case
            when
                feedback_worth.feedback_account_count >= 1 or decision_sums.has_customer_evidence = 1
                then 'evidence-backed'
            when
                decision_sums.has_metric = 1
                or metric_counts.metric_count >= 1
                or key_result_counts.key_result_count >= 1
                then 'metric-backed'
            when decision_sums.has_mandate = 1 then 'mandated'
            else 'opinion'
        end as evidence_label,
        (deliveries.owner is not null or roadmap_items.assignee_person_key is not null) as has_owner,
        coalesce(work.people_days, 0) as people_days,
        deliveries.released_at,
        deliveries.released_on
    from roadmap_items
    left join deliveries on roadmap_items.delivery_id = deliveries.delivery_id
    left join feedback_counts on roadmap_items.work_item_id = feedback_counts.work_item_id
    left join feedback_worth on roadmap_items.work_item_id = feedback_worth.work_item_id
    left join theme_lists on roadmap_items.work_item_id = theme_lists.work_item_id
    left join theme_worth on roadmap_items.work_item_id = theme_worth.work_item_id
    left join metric_counts on roadmap_items.work_item_id = metric_counts.work_item_id
    left join key_result_counts on roadmap_items.work_item_id = key_result_counts.work_item_id
    left join decision_sums on roadmap_items.work_item_id = decision_sums.work_item_id
    left join decision_kinds on roadmap_items.work_item_id = decision_kinds.work_item_id
    left join work on roadmap_items.work_item_id = work.work_item_id
)

select * from final
