with

final as (
    {{ latest_results('insight', 'theme_scores', {
        'feedback_id': 'text',
        'theme_id': 'text',
        'confidence': 'double',
        'rank': 'bigint',
        'status': 'text',
        'model_id': 'text',
        'taxonomy_version': 'text',
    }) }}
)

select * from final
