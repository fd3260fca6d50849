with

latest as (
    {{ latest_raw_rows('governance', 'fiscal_years', {
        'fiscal_year': 'bigint',
        'starts_on': 'date',
        'reporting_currency': 'text',
    }) }}
),

final as (
    select
        fiscal_year,
        starts_on,
        reporting_currency,
        {{ envelope() }}
    from latest
    where not _is_deleted
)

select * from final
