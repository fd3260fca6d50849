-- Two tables tell what a roadmap item stands on now: by all grounds so far, and by those of each month's end.
with

strongest as (
    select
        work_item_id,
        min(
            case evidence_label
                when 'evidence-backed' then 1
                when 'metric-backed' then 2
                when 'mandated' then 3
                else 4
            end
        ) as evidence_rank
    from {{ ref('int_governance__evidence_grounds') }}
    group by work_item_id
)

select
    traceability.work_item_id,
    traceability.evidence_label,
    strongest.evidence_rank
from {{ ref('mart_governance__traceability') }} as traceability
left join strongest on traceability.work_item_id = strongest.work_item_id
where
    coalesce(strongest.evidence_rank, 4) <> case traceability.evidence_label
        when 'evidence-backed' then 1
        when 'metric-backed' then 2
        when 'mandated' then 3
        else 4
    end
