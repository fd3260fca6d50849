with

final as (
    {{ latest_results('insight', 'versions', {
        'scored_from_on': 'date',
        'model_id': 'text',
        'taxonomy_version': 'text',
        'note': 'text',
    }) }}
)

select * from final
