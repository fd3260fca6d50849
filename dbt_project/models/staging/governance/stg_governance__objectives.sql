with

latest as (
    {{ latest_raw_rows('governance', 'objectives', {
        'objective_id': 'text',
        'name': 'text',
        'owner': 'text',
        'starts_on': 'date',
        'ends_on': 'date',
    }) }}
),

final as (
    select
        objective_id,
        name,
        owner,
        starts_on,
        ends_on,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
