with

final as (
    {{ latest_results('trends', 'emerging', {
        'emerging_id': 'text',
        'date_on': 'date',
        'label': 'text',
        'item_count_7d': 'bigint',
        'expected_count_7d': 'double',
        'probability': 'double',
        'example_ids': 'text',
    }) }}
)

select * from final
