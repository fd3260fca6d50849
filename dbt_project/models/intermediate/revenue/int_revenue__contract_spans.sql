{#
  When each contract is the one that counts on its subscription line (account and product). Where contracts of one
  line overlap (an early renewal), the later start wins, then the later signature; the loser counts again if the
  winner ends first.
#}
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

won as (
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
        contracts.signed_at
    from contracts
    inner join deals on contracts.deal_id = deals.deal_id
    where
        deals.status = 'won'
        and deals.account_id is not null
        and contracts.term_months > 0
        and contracts.starts_on < contracts.ends_on
),

bounds as (
    select account_id, product_id, starts_on as bound_on from won
    union
    select account_id, product_id, ends_on as bound_on from won
),

pieces as (
    select
        account_id,
        product_id,
        bound_on as from_on,
        lead(bound_on) over (partition by account_id, product_id order by bound_on) as to_on
    from bounds
),

ranked as (
    select
        won.contract_id,
        won.account_id,
        won.product_id,
        won.plan_name,
        won.seat_count,
        won.currency,
        won.monthly_amount,
        won.ends_on as paid_until_on,
        pieces.from_on,
        pieces.to_on,
        row_number() over (
            partition by pieces.account_id, pieces.product_id, pieces.from_on
            order by won.starts_on desc, won.signed_at desc nulls last, won.contract_id desc
        ) as choice
    from pieces
    inner join won
        on
            pieces.account_id = won.account_id
            and pieces.product_id = won.product_id
            and pieces.from_on >= won.starts_on
            and pieces.from_on < won.ends_on
    where pieces.to_on is not null
),

final as (
    select
        contract_id,
        account_id,
        product_id,
        plan_name,
        seat_count,
        currency,
        monthly_amount,
        paid_until_on,
        from_on,
        to_on
    from ranked
    where choice = 1
)

select * from final
