with

latest as (
    {{ latest_raw_rows('governance', 'key_results', {
        'key_result_id': 'text',
        'objective_id': 'text',
        'name': 'text',
        'metric_id': 'text',
        'segment': 'text',
        'baseline': 'double',
        'target': 'double',
        'starts_on': 'date',
        'ends_on': 'date',
        'owner': 'text',
    }) }}
),

final as (
    select
        key_result_id,
        objective_id,
        name,
        metric_id,
        segment,
        baseline,
        target,
        starts_on,
        ends_on,
        owner,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
