with

latest as (
    {{ latest_raw_rows('governance', 'deliveries', {
        'delivery_id': 'text',
        'name': 'text',
        'epic_key': 'text',
        'rollout': 'text',
        'assignment_unit': 'text',
        'theme_id': 'text',
        'feature': 'text',
        'released_at': 'timestamp',
        'owner': 'text',
        'has_adopter_list': 'boolean',
        'adopter_event': 'text',
        'cost_currency': 'text',
    }) }}
),

final as (
    select
        delivery_id,
        name,
        epic_key,
        rollout,
        assignment_unit,
        theme_id,
        feature,
        released_at,
        owner,
        has_adopter_list,
        adopter_event,
        cost_currency,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
