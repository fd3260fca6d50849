with

latest as (
    {{ latest_raw_rows('governance', 'account_overrides', {
        'source': 'text',
        'external_id': 'text',
        'account_id': 'text',
        'is_excluded': 'boolean',
        'reason': 'text',
    }) }}
),

final as (
    select
        source,
        external_id,
        account_id,
        is_excluded,
        reason,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
