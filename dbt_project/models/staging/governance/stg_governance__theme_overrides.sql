with

latest as (
    {{ latest_raw_rows('governance', 'theme_overrides', {
        'feedback_id': 'text',
        'theme_id': 'text',
        'action': 'text',
        'decided_by': 'text',
        'decided_at': 'text',
        'reason': 'text',
    }) }}
),

final as (
    select
        feedback_id,
        theme_id,
        action,
        decided_by,
        decided_at,
        reason,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
