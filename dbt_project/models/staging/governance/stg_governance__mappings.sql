with

latest as (
    {{ latest_raw_rows('governance', 'mappings', {
        'mapping_key': 'text',
        'position': 'bigint',
        'value': 'text',
    }) }}
),

final as (
    select
        mapping_key,
        position,
        value,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
