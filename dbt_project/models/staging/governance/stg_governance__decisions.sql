with

latest as (
    {{ latest_raw_rows('governance', 'decisions', {
        'decision_id': 'text',
        'title': 'text',
        'decided_on': 'date',
        'decider': 'text',
        'why': 'text',
        'evidence_kind': 'text',
        'evidence_count': 'bigint',
        'expected_metric_id': 'text',
        'expected_change_pct': 'double',
        'expected_by_on': 'date',
        'review_on': 'date',
    }) }}
),

final as (
    select
        decision_id,
        title,
        decided_on,
        decider,
        why,
        evidence_kind,
        evidence_count,
        expected_metric_id,
        expected_change_pct,
        expected_by_on,
        review_on,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
