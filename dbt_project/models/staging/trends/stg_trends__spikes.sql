with

final as (
    {{ latest_results('trends', 'spikes', {
        'theme_id': 'text',
        'date_on': 'date',
        'item_count_7d': 'bigint',
        'expected_count_7d': 'double',
        'z': 'double',
        'state': 'text',
    }) }}
)

select * from final
