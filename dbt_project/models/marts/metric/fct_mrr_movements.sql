with

spans as (
    select * from {{ ref('int_revenue__account_spans') }}
),

contract_spans as (
    select * from {{ ref('int_revenue__contract_spans') }}
),

rates as (
    select * from {{ ref('int_revenue__fiscal_rates') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

month_days as (
    {{ date_spine('(select ' ~ start_of('month', 'min(spans.from_on)') ~ ' from spans)', today()) }}
),

months as (
    select
        date_on as month_start_on,
        {{ add_days('date_on', -1) }} as opening_on,
        case
            when {{ add_months('date_on', 1) }} <= {{ today() }} then {{ add_days(add_months('date_on', 1), -1) }}
            else {{ today() }}
        end as closing_on,
        {{ add_months('date_on', 1) }} <= {{ today() }} as is_complete
    from month_days
    where date_on = {{ start_of('month', 'date_on') }}
),

firsts as (
    select
        account_id,
        min(from_on) as first_paid_on,
        max(to_on) as last_to_on,
        max(currency) as currency
    from spans
    group by account_id
),

account_months as (
    select
        firsts.account_id,
        firsts.first_paid_on,
        firsts.currency,
        months.month_start_on,
        months.opening_on,
        months.closing_on,
        months.is_complete,
        cast(coalesce(opening.mrr_amount, 0) as {{ type_amount() }}) as opening_mrr_amount,
        cast(coalesce(closing.mrr_amount, 0) as {{ type_amount() }}) as closing_mrr_amount
    from firsts
    inner join months
        on months.closing_on >= firsts.first_paid_on and months.month_start_on <= firsts.last_to_on
    left join spans as opening
        on
            firsts.account_id = opening.account_id
            and months.opening_on >= opening.from_on
            and months.opening_on < opening.to_on
    left join spans as closing
        on
            firsts.account_id = closing.account_id
            and months.closing_on >= closing.from_on
            and months.closing_on < closing.to_on
    where opening.account_id is not null or closing.account_id is not null
),

-- The contracts of the opening at the rates of the closing: what differs is no customer's doing.
restated as (
    select
        account_months.account_id,
        account_months.month_start_on,
        cast(
            sum(cast(contract_spans.monthly_amount * rates.rate as {{ type_amount() }})) as {{ type_amount() }}
        ) as restated_mrr_amount
    from account_months
    inner join contract_spans
        on
            account_months.account_id = contract_spans.account_id
            and account_months.opening_on >= contract_spans.from_on
            and account_months.opening_on < contract_spans.to_on
    inner join rates
        on
            contract_spans.currency = rates.currency
            and account_months.closing_on >= rates.starts_on
            and account_months.closing_on < rates.ends_on
    group by account_months.account_id, account_months.month_start_on
),

compared as (
    select
        account_months.*,
        cast(coalesce(restated.restated_mrr_amount, 0) as {{ type_amount() }}) as restated_mrr_amount,
        opening_segments.segment as opening_segment,
        closing_segments.segment as closing_segment
    from account_months
    left join restated
        on
            account_months.account_id = restated.account_id
            and account_months.month_start_on = restated.month_start_on
    left join segments as opening_segments
        on
            account_months.account_id = opening_segments.account_id
            and account_months.opening_on >= opening_segments.valid_from_on
            and account_months.opening_on < opening_segments.valid_to_on
    left join segments as closing_segments
        on
            account_months.account_id = closing_segments.account_id
            and account_months.closing_on >= closing_segments.valid_from_on
            and account_months.closing_on < closing_segments.valid_to_on
),

movements as (
    select
        compared.*,
        'fx_restatement' as movement_type,
        opening_segment as segment,
        restated_mrr_amount - opening_mrr_amount as mrr_amount
    from compared

    union all

    select
        compared.*,
        'segment_transfer' as movement_type,
        opening_segment as segment,
        -restated_mrr_amount as mrr_amount
    from compared
    where opening_segment <> closing_segment

    union all

    select
        compared.*,
        'segment_transfer' as movement_type,
        closing_segment as segment,
        restated_mrr_amount as mrr_amount
    from compared
    where opening_segment <> closing_segment

    union all

    -- The order of the branches matters: whoever starts from nothing is new or back, before anything is compared.
    select
        compared.*,
        case
            when opening_mrr_amount = 0 and first_paid_on < month_start_on then 'reactivation'
            when opening_mrr_amount = 0 then 'new'
            when closing_mrr_amount = 0 then 'churn'
            when closing_mrr_amount > restated_mrr_amount then 'expansion'
            else 'contraction'
        end as movement_type,
        closing_segment as segment,
        closing_mrr_amount - restated_mrr_amount as mrr_amount
    from compared
),

lost_renewals as (
    select
        account_id,
        loss_reason,
        {{ to_local_date('closed_at') }} as closed_on,
        deal_id
    from deals
    where status = 'lost' and loss_reason is not null and account_id is not null and {{ is_renewal('deal_type') }}
),

churn_reasons as (
    select
        movements.account_id,
        movements.month_start_on,
        lost_renewals.loss_reason,
        row_number() over (
            partition by movements.account_id, movements.month_start_on
            order by lost_renewals.closed_on desc, lost_renewals.deal_id desc
        ) as choice
    from movements
    inner join lost_renewals on movements.account_id = lost_renewals.account_id
    -- A lost renewal may be closed some weeks after the paid period it did not renew.
    where
        movements.movement_type = 'churn'
        and lost_renewals.closed_on <= {{ add_days('movements.closing_on', 45) }}
        and lost_renewals.closed_on >= {{ add_days('movements.opening_on', -180) }}
),

final as (
    select
        {{ hashed_id([
            'movements.account_id', 'movements.month_start_on', 'movements.movement_type', 'movements.segment'
        ]) }} as movement_id,
        movements.account_id,
        movements.month_start_on,
        movements.movement_type,
        movements.segment,
        cast(movements.mrr_amount as {{ type_amount() }}) as mrr_amount,
        movements.opening_mrr_amount,
        movements.closing_mrr_amount,
        movements.currency,
        churn_reasons.loss_reason as churn_reason,
        movements.is_complete
    from movements
    left join churn_reasons
        on
            movements.account_id = churn_reasons.account_id
            and movements.month_start_on = churn_reasons.month_start_on
            and movements.movement_type = 'churn'
            and churn_reasons.choice = 1
    where movements.mrr_amount <> 0
)

select * from final
