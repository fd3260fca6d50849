with

latest as (
    {{ latest_raw_rows('governance', 'delivery_key_results', {
        'delivery_id': 'text',
        'key_result_id': 'text',
    }) }}
),

final as (
    select
        delivery_id,
        key_result_id,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
