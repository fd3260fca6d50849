{#
  What each roadmap item stands on, and since when. A link counts from the day it was set, unless the item was done by
  then, a decision from the day it
  was made; that a delivery serves a metric or a key result has no date in the files and counts from the beginning.
#}
with

traceability as (
    select work_item_id from {{ ref('mart_governance__traceability') }}
),

dated_items as (
    select
        work_item_id,
        done_at
    from {{ ref('fct_work_items') }}
),

roadmap_items as (
    select
        traceability.work_item_id,
        dated_items.done_at
    from traceability
    inner join dated_items on traceability.work_item_id = dated_items.work_item_id
),

ancestors as (
    select * from {{ ref('int_delivery__work_item_ancestors') }}
),

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

delivery_items as (
    select
        delivery_items.work_item_id,
        delivery_items.delivery_id
    from {{ ref('int_delivery__delivery_items') }} as delivery_items
    inner join work_items on delivery_items.work_item_id = work_items.work_item_id
    where work_items.work_item_level in ('epic', 'initiative')
),

tickets as (
    select * from {{ ref('fct_tickets') }}
    where account_id is not null
),

decisions as (
    select
        decision_deliveries.delivery_id,
        decisions.decision_id,
        decisions.decided_on,
        case
            when decisions.evidence_kind = 'customer_evidence' and decisions.evidence_count >= 1
                then 'evidence-backed'
            when decisions.evidence_kind in ('metric', 'experiment') then 'metric-backed'
            when decisions.evidence_kind = 'mandate' then 'mandated'
        end as evidence_label
    from {{ ref('stg_governance__decision_deliveries') }} as decision_deliveries
    inner join {{ ref('stg_governance__decisions') }} as decisions
        on decision_deliveries.decision_id = decisions.decision_id
),

purposes as (
    select
        delivery_id,
        'metric:' || metric_id as ground
    from {{ ref('stg_governance__delivery_metrics') }}
    union all
    select
        delivery_id,
        'key_result:' || key_result_id as ground
    from {{ ref('stg_governance__delivery_key_results') }}
),

linked_items as (
    select * from {{ ref('int_support__work_items_linked') }}
),

item_deliveries as (
    select distinct
        ancestors.ancestor_work_item_id as work_item_id,
        delivery_items.delivery_id
    from delivery_items
    inner join ancestors on delivery_items.work_item_id = ancestors.work_item_id
),

grounds as (
    select
        ancestors.ancestor_work_item_id as work_item_id,
        'ticket:' || linked_items.ticket_id as ground,
        'evidence-backed' as evidence_label,
        {{ to_local_date('linked_items.linked_at') }} as since_on
    from linked_items
    inner join tickets on linked_items.ticket_id = tickets.ticket_id
    inner join ancestors on linked_items.work_item_id = ancestors.work_item_id
    inner join roadmap_items on ancestors.ancestor_work_item_id = roadmap_items.work_item_id
    where roadmap_items.done_at is null or linked_items.linked_at <= roadmap_items.done_at
    union all
    select
        item_deliveries.work_item_id,
        'decision:' || decisions.decision_id as ground,
        decisions.evidence_label,
        decisions.decided_on as since_on
    from item_deliveries
    inner join decisions on item_deliveries.delivery_id = decisions.delivery_id
    where decisions.evidence_label is not null
    union all
    select
        item_deliveries.work_item_id,
        purposes.ground,
        'metric-backed' as evidence_label,
        cast('0001-01-01' as date) as since_on
    from item_deliveries
    inner join purposes on item_deliveries.delivery_id = purposes.delivery_id
),

final as (
    select
        grounds.work_item_id,
        grounds.ground,
        grounds.evidence_label,
        min(grounds.since_on) as since_on
    from grounds
    inner join roadmap_items on grounds.work_item_id = roadmap_items.work_item_id
    group by grounds.work_item_id, grounds.ground, grounds.evidence_label
)

select * from final
