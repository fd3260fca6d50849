with

latest as (
    {{ latest_raw_rows('governance', 'delivery_waves', {
        'delivery_id': 'text',
        'wave': 'bigint',
        'starts_on': 'date',
        'member_kind': 'text',
        'member': 'text',
    }) }}
),

final as (
    select
        delivery_id,
        wave,
        starts_on,
        member_kind,
        member,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
