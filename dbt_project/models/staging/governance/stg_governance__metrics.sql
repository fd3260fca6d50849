with

latest as (
    {{ latest_raw_rows('governance', 'metrics', {
        'metric_id': 'text',
        'owner': 'text',
        'target_value': 'double',
        'target_on': 'date',
        'threshold_low': 'double',
        'threshold_high': 'double',
        'parent_metric_id': 'text',
    }) }}
),

final as (
    select
        metric_id,
        owner,
        target_value,
        target_on,
        threshold_low,
        threshold_high,
        parent_metric_id,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
