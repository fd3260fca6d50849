with

dated as (
    select * from {{ ref('int_delivery__deliveries_dated') }}
),

work_items as (
    select * from {{ ref('fct_work_items') }}
),

exposed as (
    select
        delivery_id,
        count(*) as exposed_account_count
    from {{ ref('int_impact__exposures_framed') }}
    group by delivery_id
),

assigned as (
    select
        delivery_id,
        count(distinct account_id) as assigned_account_count
    from {{ ref('int_impact__assignments_framed') }}
    group by delivery_id
),

listed as (
    select delivery_id from {{ ref('int_impact__deliveries_framed') }}
    where has_adopter_list or rollout <> 'general'
),

metrics as (
    select
        delivery_id,
        {{ joined_values('metric_id', ',') }} as metric_ids
    from {{ ref('stg_governance__delivery_metrics') }}
    group by delivery_id
),

key_results as (
    select
        delivery_id,
        {{ joined_values('key_result_id', ',') }} as key_result_ids
    from {{ ref('stg_governance__delivery_key_results') }}
    group by delivery_id
),

decisions as (
    select
        delivery_id,
        {{ joined_values('decision_id', ',') }} as decision_ids
    from {{ ref('stg_governance__decision_deliveries') }}
    group by delivery_id
),

sums as (
    select
        delivery_id,
        count(*) as work_item_count,
        sum(case when status_category = 'done' then 1 else 0 end) as done_work_item_count,
        sum(case when status_category <> 'to_do' then 1 else 0 end) as begun_work_item_count,
        {{ stable_sum('people_days') }} as people_days
    from work_items
    where delivery_id is not null
    group by delivery_id
),

-- A sum that some days are missing from would look like the whole.
costs as (
    select
        work_items.delivery_id,
        case when count(days_costed.cost_amount) = count(*) then {{ stable_sum('days_costed.cost_amount') }} end
            as cost_amount,
        max(days_costed.cost_currency) as cost_currency
    from {{ ref('int_delivery__days_costed') }} as days_costed
    inner join work_items on days_costed.work_item_id = work_items.work_item_id
    where work_items.delivery_id is not null
    group by work_items.delivery_id
),

final as (
    select
        dated.delivery_id,
        dated.delivery_name,
        dated.origin,
        dated.epic_work_item_id,
        dated.epic_key,
        dated.theme_id,
        dated.rollout,
        dated.assignment_unit,
        dated.has_adopter_list,
        dated.released_at,
        {{ to_local_date('dated.released_at') }} as released_on,
        dated.released_at_source,
        case
            when dated.released_at <= {{ now_utc() }} then 'released'
            when sums.begun_work_item_count > 0 then 'in_progress'
            else 'planned'
        end as status,
        dated.team_id,
        dated.owner,
        metrics.metric_ids,
        key_results.key_result_ids,
        decisions.decision_ids,
        cast(coalesce(sums.work_item_count, 0) as bigint) as work_item_count,
        cast(coalesce(sums.done_work_item_count, 0) as bigint) as done_work_item_count,
        coalesce(sums.people_days, 0) as people_days,
        cast(costs.cost_amount as {{ type_amount() }}) as cost_amount,
        case when costs.cost_amount is not null then costs.cost_currency end as cost_currency,
        cast(assigned.assigned_account_count as bigint) as assigned_account_count,
        case
            when listed.delivery_id is not null then cast(coalesce(exposed.exposed_account_count, 0) as bigint)
        end as exposed_account_count
    from dated
    left join sums on dated.delivery_id = sums.delivery_id
    left join metrics on dated.delivery_id = metrics.delivery_id
    left join key_results on dated.delivery_id = key_results.delivery_id
    left join decisions on dated.delivery_id = decisions.delivery_id
    left join assigned on dated.delivery_id = assigned.delivery_id
    left join costs on dated.delivery_id = costs.delivery_id
    left join listed on dated.delivery_id = listed.delivery_id
    left join exposed on dated.delivery_id = exposed.delivery_id
)

select * from final
