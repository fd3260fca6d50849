with

latest as (
    {{ latest_raw_rows('governance', 'themes', {
        'theme_id': 'text',
        'name_en': 'text',
        'name_pt': 'text',
        'parent_id': 'text',
        'owner': 'text',
        'status': 'text',
        'description': 'text',
        'payload': 'text',
    }) }}
),

final as (
    select
        theme_id,
        name_en,
        name_pt,
        parent_id,
        owner,
        status,
        description,
        {{ json_text('payload', ['merged_into']) }} as merged_into,
        {{ dbt.safe_cast(json_text('payload', ['since']), column_type('date')) }} as since_on,
        payload as definition,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
