with

latest as (
    {{ latest_raw_rows('governance', 'day_rates', {
        'team_id': 'text',
        'valid_from': 'date',
        'amount': 'double',
        'currency': 'text',
    }) }}
),

final as (
    select
        team_id,
        valid_from,
        amount,
        currency,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
