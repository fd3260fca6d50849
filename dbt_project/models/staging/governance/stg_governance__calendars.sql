with

latest as (
    {{ latest_raw_rows('governance', 'calendars', {
        'calendar_id': 'text',
        'time_zone': 'text',
        'country': 'text',
    }) }}
),

final as (
    select
        calendar_id,
        time_zone,
        country,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
