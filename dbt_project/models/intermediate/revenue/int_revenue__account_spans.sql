{# The stretches in which an account's recurring revenue does not change, in reporting currency. #}
with

spans as (
    select * from {{ ref('int_revenue__contract_spans') }}
),

rates as (
    select * from {{ ref('int_revenue__fiscal_rates') }}
),

valued as (
    select
        spans.account_id,
        spans.product_id,
        spans.plan_name,
        spans.seat_count,
        rates.reporting_currency as currency,
        cast(spans.monthly_amount * rates.rate as {{ type_amount() }}) as mrr_amount,
        case when spans.from_on > rates.starts_on then spans.from_on else rates.starts_on end as from_on,
        case when spans.to_on < rates.ends_on then spans.to_on else rates.ends_on end as to_on
    from spans
    inner join rates
        on
            spans.currency = rates.currency
            and spans.from_on < rates.ends_on
            and spans.to_on > rates.starts_on
),

bounds as (
    select account_id, from_on as bound_on from valued
    union
    select account_id, to_on as bound_on from valued
),

pieces as (
    select
        account_id,
        bound_on as from_on,
        lead(bound_on) over (partition by account_id order by bound_on) as to_on
    from bounds
),

lines as (
    select
        pieces.account_id,
        pieces.from_on,
        pieces.to_on,
        valued.product_id,
        valued.plan_name,
        valued.seat_count,
        valued.currency,
        valued.mrr_amount,
        row_number() over (
            partition by pieces.account_id, pieces.from_on, valued.plan_name order by valued.product_id
        ) as name_number
    from pieces
    inner join valued
        on
            pieces.account_id = valued.account_id
            and pieces.from_on >= valued.from_on
            and pieces.from_on < valued.to_on
    where pieces.to_on is not null
),

final as (
    select
        account_id,
        from_on,
        to_on,
        max(currency) as currency,
        cast(sum(mrr_amount) as {{ type_amount() }}) as mrr_amount,
        cast(sum(seat_count) as bigint) as seat_count,
        count(*) as contract_count,
        {{ joined_values('case when name_number = 1 then plan_name end') }} as plan_names
    from lines
    group by account_id, from_on, to_on
    having sum(mrr_amount) > 0
)

select * from final
