with

latest as (
    {{ latest_raw_rows('governance', 'delivery_issues', {
        'delivery_id': 'text',
        'issue_key': 'text',
    }) }}
),

final as (
    select
        delivery_id,
        issue_key,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
