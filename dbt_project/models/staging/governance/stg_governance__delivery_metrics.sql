with

latest as (
    {{ latest_raw_rows('governance', 'delivery_metrics', {
        'delivery_id': 'text',
        'metric_id': 'text',
    }) }}
),

final as (
    select
        delivery_id,
        metric_id,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
