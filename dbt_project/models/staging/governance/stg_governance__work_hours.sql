with

latest as (
    {{ latest_raw_rows('governance', 'work_hours', {
        'calendar_id': 'text',
        'weekday': 'bigint',
        'starts_at': 'text',
        'ends_at': 'text',
        'valid_from': 'date',
        'valid_to': 'date',
    }) }}
),

final as (
    select
        calendar_id,
        weekday,
        starts_at,
        ends_at,
        valid_from,
        valid_to,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
