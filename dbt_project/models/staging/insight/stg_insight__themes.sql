with

final as (
    {{ latest_results('insight', 'themes', {
        'theme_id': 'text',
        'counts_as_theme_id': 'text',
        'rule_count': 'bigint',
        'example_count': 'bigint',
        'taxonomy_version': 'text',
    }) }}
)

select * from final
