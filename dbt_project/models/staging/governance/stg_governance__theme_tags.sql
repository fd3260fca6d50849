with

latest as (
    {{ latest_raw_rows('governance', 'theme_tags', {
        'theme_id': 'text',
        'tag': 'text',
    }) }}
),

final as (
    select
        theme_id,
        tag,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
