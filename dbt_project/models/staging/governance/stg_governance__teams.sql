with

latest as (
    {{ latest_raw_rows('governance', 'teams', {
        'team_id': 'text',
        'name': 'text',
        'kind': 'text',
        'owner': 'text',
        'source': 'text',
        'source_key': 'text',
    }) }}
),

final as (
    select
        team_id,
        name,
        kind,
        owner,
        source,
        source_key,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
