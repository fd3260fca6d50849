with

latest as (
    {{ latest_raw_rows('governance', 'decision_evidence', {
        'decision_id': 'text',
        'position': 'bigint',
        'reference': 'text',
    }) }}
),

final as (
    select
        decision_id,
        position,
        reference,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
