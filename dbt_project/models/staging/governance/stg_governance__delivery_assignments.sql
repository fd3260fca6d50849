with

latest as (
    {{ latest_raw_rows('governance', 'delivery_assignments', {
        'delivery_id': 'text',
        'account_ref': 'text',
        'arm': 'bigint',
        'assigned_at': 'timestamp',
    }) }}
),

final as (
    select
        delivery_id,
        account_ref,
        arm,
        assigned_at,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
