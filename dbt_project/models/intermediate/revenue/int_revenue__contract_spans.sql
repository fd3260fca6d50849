{#
  When each contract is the one that counts on its subscription line (account and product). Where contracts of one
  line overlap (an early renewal), the later start wins, then the later signature; the loser counts again if the
  winner ends first.
#}
with

won as (
    select * from {{ ref('int_revenue__contracts_won') }}
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
