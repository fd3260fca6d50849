{# Each recurring contract of a won deal, at its monthly amount in its own currency, and since when it was certain. #}
with

contracts as (
    {{ union_sources('revenue__contracts', {
        'contract_id': 'text',
        'deal_id': 'text',
        'product_id': 'text',
        'plan_name': 'text',
        'seat_count': 'bigint',
        'amount': 'numeric',
        'currency': 'text',
        'term_months': 'bigint',
        'starts_on': 'date',
        'ends_on': 'date',
        'signed_at': 'timestamp',
    }) }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

final as (
    select
        contracts.contract_id,
        deals.account_id,
        contracts.product_id,
        contracts.plan_name,
        contracts.seat_count,
        coalesce(contracts.currency, deals.currency) as currency,
        -- Never a rounded factor: a 7-month term is a seventh of its amount.
        cast(contracts.amount as {{ type_double() }}) / nullif(contracts.term_months, 0) as monthly_amount,
        contracts.starts_on,
        contracts.ends_on,
        contracts.signed_at,
        -- Before that nobody could count on it.
        case
            when contracts.signed_at > deals.closed_at then contracts.signed_at
            else coalesce(deals.closed_at, contracts.signed_at)
        end as known_at
    from contracts
    inner join deals on contracts.deal_id = deals.deal_id
    where
        deals.status = 'won'
        and deals.account_id is not null
        and contracts.term_months > 0
        and contracts.starts_on < contracts.ends_on
)

select * from final
