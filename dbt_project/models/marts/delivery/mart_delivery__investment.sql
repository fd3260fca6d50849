with

days_worked as (
    select * from {{ ref('int_delivery__days_costed') }}
),

work_items as (
    select * from {{ ref('fct_work_items') }}
),

ancestors as (
    select * from {{ ref('int_delivery__work_item_ancestors') }}
),

bugs as (
    -- a bug's sub-task is the bug's work
    select distinct ancestors.work_item_id
    from ancestors
    inner join {{ ref('int_delivery__work_items_unioned') }} as typed
        on ancestors.ancestor_work_item_id = typed.work_item_id
    where
        typed.is_bug
        and typed.work_item_level in ('standard', 'sub_task')
),

item_kinds as (
    select
        work_items.work_item_id,
        case
            when bugs.work_item_id is not null then 'bug'
            when work_items.delivery_id is not null or work_items.epic_work_item_id is not null then 'delivery'
            else 'unplanned'
        end as work_kind
    from work_items
    left join bugs on work_items.work_item_id = bugs.work_item_id
),

kinds_worked as (
    select
        days_worked.month_start_on,
        days_worked.team_id,
        item_kinds.work_kind,
        days_worked.work_item_id,
        days_worked.people_days,
        days_worked.cost_amount,
        days_worked.cost_currency
    from days_worked
    inner join item_kinds on days_worked.work_item_id = item_kinds.work_item_id
),

scoped as (
    select month_start_on, team_id, work_kind, work_item_id, people_days, cost_amount, cost_currency
    from kinds_worked
    where team_id is not null
    union all
    select month_start_on, 'all' as team_id, work_kind, work_item_id, people_days, cost_amount, cost_currency
    from kinds_worked
),

summed as (
    select
        month_start_on,
        team_id,
        work_kind,
        count(distinct work_item_id) as work_item_count,
        {{ stable_sum('people_days') }} as people_days,
        -- a sum that some days are missing from would look like the whole
        case when count(cost_amount) = count(*) then {{ stable_sum('cost_amount') }} end as cost_amount,
        max(cost_currency) as cost_currency
    from scoped
    group by month_start_on, team_id, work_kind
),

final as (
    select
        month_start_on,
        team_id,
        work_kind,
        cast(work_item_count as bigint) as work_item_count,
        people_days,
        {{ ratio('people_days', 'sum(people_days) over (partition by month_start_on, team_id)') }}
            as people_days_ratio,
        cast(cost_amount as {{ type_amount() }}) as cost_amount,
        case when cost_amount is not null then cost_currency end as cost_currency,
        {{ add_months('month_start_on', 1) }} <= {{ today() }} as is_complete
    from summed
)

select * from final
