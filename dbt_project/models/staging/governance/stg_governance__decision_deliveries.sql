with

latest as (
    {{ latest_raw_rows('governance', 'decision_deliveries', {
        'decision_id': 'text',
        'delivery_id': 'text',
    }) }}
),

final as (
    select
        decision_id,
        delivery_id,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
