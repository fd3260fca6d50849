with

final as (
    {{ latest_results('insight', 'rule_matches', {
        'feedback_id': 'text',
        'theme_id': 'text',
        'pattern': 'text',
        'taxonomy_version': 'text',
    }) }}
)

select * from final
