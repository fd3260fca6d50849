with

latest as (
    {{ latest_raw_rows('governance', 'statuses', {
        'status_name': 'text',
        'project_key': 'text',
        'kind': 'text',
        'category_override': 'text',
    }) }}
),

final as (
    select
        status_name,
        project_key,
        kind,
        category_override,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
