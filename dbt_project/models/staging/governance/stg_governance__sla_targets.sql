with

latest as (
    {{ latest_raw_rows('governance', 'sla_targets', {
        'metric': 'text',
        'priority': 'text',
        'valid_from': 'date',
        'valid_to': 'date',
        'target_minutes': 'bigint',
        'time_kind': 'text',
    }) }}
),

final as (
    select
        metric,
        priority,
        valid_from,
        valid_to,
        target_minutes,
        time_kind,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
