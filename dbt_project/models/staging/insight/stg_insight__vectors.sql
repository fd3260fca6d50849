with

final as (
    {{ latest_results('insight', 'vectors', {
        'text_hash': 'text',
        'model_id': 'text',
        'vector': 'text',
    }) }}
)

select * from final
