with

latest as (
    {{ latest_raw_rows('governance', 'fx_rates', {
        'fiscal_year': 'bigint',
        'currency': 'text',
        'rate': 'double',
    }) }}
),

final as (
    select
        fiscal_year,
        currency,
        rate,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
