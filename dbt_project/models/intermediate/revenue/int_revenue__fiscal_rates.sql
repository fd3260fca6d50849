{#
  The one rate set of each fiscal year. The first year reaches back and the last one on without end; a currency that
  a year does not name keeps the rate of the nearest earlier year, else of the first that names it.
#}
with

fiscal_years as (
    select * from {{ ref('stg_governance__fiscal_years') }}
),

governed_rates as (
    select * from {{ ref('stg_governance__fx_rates') }}
),

-- Without governed years there is one, in dollars.
years as (
    select fiscal_year, starts_on, reporting_currency from fiscal_years
    union all
    select
        cast(null as bigint) as fiscal_year,
        cast('1900-01-01' as date) as starts_on,
        'USD' as reporting_currency
    from (select count(*) as year_count from fiscal_years) as counted
    where counted.year_count = 0
),

bounded as (
    select
        fiscal_year,
        upper(reporting_currency) as reporting_currency,
        starts_on as governed_from_on,
        case
            when row_number() over (order by starts_on) = 1 then cast('1900-01-01' as date) else starts_on
        end as starts_on,
        coalesce(lead(starts_on) over (order by starts_on), cast('2999-01-01' as date)) as ends_on
    from years
),

currencies as (
    select distinct upper(currency) as currency from governed_rates
    union
    select reporting_currency as currency from bounded
),

candidates as (
    select
        bounded.fiscal_year,
        bounded.reporting_currency,
        bounded.starts_on,
        bounded.ends_on,
        currencies.currency,
        case when currencies.currency = bounded.reporting_currency then 1.0 else governed_rates.rate end as rate,
        row_number() over (
            partition by bounded.starts_on, currencies.currency
            order by
                case when rate_years.governed_from_on <= bounded.governed_from_on then 0 else 1 end,
                case
                    when rate_years.governed_from_on <= bounded.governed_from_on then rate_years.governed_from_on
                end desc nulls last,
                rate_years.governed_from_on nulls last
        ) as choice
    from bounded
    cross join currencies
    left join governed_rates on currencies.currency = upper(governed_rates.currency)
    left join bounded as rate_years on governed_rates.fiscal_year = rate_years.fiscal_year
),

final as (
    select
        fiscal_year,
        starts_on,
        ends_on,
        currency,
        reporting_currency,
        cast(rate as {{ type_double() }}) as rate
    from candidates
    where choice = 1 and rate is not null
)

select * from final
