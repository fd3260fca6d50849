with

final as (
    {{ latest_results('insight', 'items', {
        'feedback_id': 'text',
        'text_hash': 'text',
        'language': 'text',
        'kind': 'text',
        'kind_confidence': 'double',
        'sentiment': 'text',
        'sentiment_score': 'double',
        'duplicate_group_id': 'text',
        'is_duplicate': 'boolean',
        'text_redacted': 'text',
        'hidden_count': 'bigint',
        'name_count': 'bigint',
        'theme_status': 'text',
        'theme_confidence': 'double',
        'model_id': 'text',
        'taxonomy_version': 'text',
    }) }}
)

select * from final
