with

latest as (
    {{ latest_raw_rows('governance', 'health_weights', {
        'component': 'text',
        'weight': 'double',
    }) }}
),

final as (
    select
        component,
        weight,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
