with

latest as (
    {{ latest_raw_rows('governance', 'holidays', {
        'calendar_id': 'text',
        'holiday_on': 'date',
        'name': 'text',
    }) }}
),

final as (
    select
        calendar_id,
        holiday_on,
        name,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
