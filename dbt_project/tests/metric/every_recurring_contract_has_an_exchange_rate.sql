-- Without a rate its revenue would silently be missing: add the currency to calendars.yml, fiscal_years, rates.
with

rates as (
    select distinct currency
    from {{ ref('int_revenue__fiscal_rates') }}
)

select
    spans.contract_id,
    spans.currency
from {{ ref('int_revenue__contract_spans') }} as spans
left join rates on spans.currency = rates.currency
where rates.currency is null
