{# A month keeps the label of its end: evidence that came later does not make earlier work stand on it. #}
with

days_worked as (
    select * from {{ ref('int_governance__roadmap_days_worked') }}
),

grounds as (
    select * from {{ ref('int_governance__evidence_grounds') }}
),

item_months as (
    select distinct
        roadmap_item_id,
        month_start_on,
        {{ add_months('month_start_on', 1) }} as next_month_start_on
    from days_worked
),

labels as (
    select
        item_months.roadmap_item_id,
        item_months.month_start_on,
        case min(
            case grounds.evidence_label
                when 'evidence-backed' then 1
                when 'metric-backed' then 2
                when 'mandated' then 3
                else 4
            end
        )
            when 1 then 'evidence-backed'
            when 2 then 'metric-backed'
            when 3 then 'mandated'
            else 'opinion'
        end as evidence_label
    from item_months
    left join grounds
        on
            item_months.roadmap_item_id = grounds.work_item_id
            and item_months.next_month_start_on > grounds.since_on
    group by item_months.roadmap_item_id, item_months.month_start_on
),

scoped as (
    select roadmap_item_id, month_start_on, team_id, people_days
    from days_worked
    where team_id is not null
    union all
    select roadmap_item_id, month_start_on, 'all' as team_id, people_days
    from days_worked
),

summed as (
    select
        scoped.month_start_on,
        scoped.team_id,
        labels.evidence_label,
        count(distinct scoped.roadmap_item_id) as item_count,
        {{ stable_sum('scoped.people_days') }} as people_days
    from scoped
    inner join labels
        on scoped.roadmap_item_id = labels.roadmap_item_id and scoped.month_start_on = labels.month_start_on
    group by scoped.month_start_on, scoped.team_id, labels.evidence_label
),

final as (
    select
        month_start_on,
        team_id,
        evidence_label,
        cast(item_count as bigint) as item_count,
        {{ ratio('item_count', 'sum(item_count) over (partition by month_start_on, team_id)') }} as item_ratio,
        people_days,
        {{ ratio('people_days', 'sum(people_days) over (partition by month_start_on, team_id)') }}
            as people_days_ratio,
        {{ add_months('month_start_on', 1) }} <= {{ today() }} as is_complete
    from summed
)

select * from final
