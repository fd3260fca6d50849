with

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

countries as (
    select * from {{ ref('countries') }}
),

account_spans as (
    select * from {{ ref('int_revenue__account_spans') }}
),

contract_spans as (
    select * from {{ ref('int_revenue__contract_spans') }}
),

movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

person_days as (
    select * from {{ ref('int_metric__person_days_active') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

people as (
    select * from {{ ref('dim_people') }}
),

owners as (
    select * from {{ ref('int_identity__people_resolved') }}
),

revenue as (
    select
        account_id,
        min(from_on) as customer_since_on,
        max(case when from_on <= {{ today() }} then to_on end) as paid_until_on,
        max(case when from_on <= {{ today() }} and to_on > {{ today() }} then mrr_amount end) as mrr_amount,
        max(case when from_on <= {{ today() }} and to_on > {{ today() }} then seat_count end) as seat_count,
        max(case when from_on <= {{ today() }} and to_on > {{ today() }} then plan_names end) as plan_names,
        max(currency) as currency
    from account_spans
    where from_on <= {{ today() }}
    group by account_id
),

renewals as (
    select
        account_id,
        min(paid_until_on) as renewal_on
    from contract_spans
    where from_on <= {{ today() }} and to_on > {{ today() }}
    group by account_id
),

churns as (
    select
        account_id,
        churn_reason,
        row_number() over (partition by account_id order by month_start_on desc) as choice
    from movements
    where movement_type = 'churn'
),

activity as (
    select
        account_id,
        max(date_on) as last_active_on,
        count(distinct case when date_on > {{ add_days(today(), -28) }} then person_key end) as active_person_28d_count
    from person_days
    where account_id is not null and date_on <= {{ today() }}
    group by account_id
),

open_tickets as (
    select
        account_id,
        count(*) as open_ticket_count
    from tickets
    where status not in ('solved', 'closed')
    group by account_id
),

health as (
    select
        account_id,
        health_score,
        known_weight_ratio,
        scored_on
    from (
        select
            scored.*,
            max(scored.scored_on) over () as last_scored_on
        from {{ ref('int_insight__health_scored') }} as scored
    ) as weeks
    where scored_on = last_scored_on
),

person_counts as (
    select
        account_id,
        count(*) as person_count
    from people
    where person_kind = 'customer'
    group by account_id
),

final as (
    select
        accounts.account_id,
        accounts.account_name,
        accounts.domain,
        accounts.country,
        coalesce(countries.region, 'other') as region,
        accounts.industry,
        accounts.employee_count,
        accounts.segment,
        revenue.plan_names,
        cast(coalesce(revenue.seat_count, 0) as bigint) as seat_count,
        case
            when revenue.mrr_amount > 0 then 'customer'
            when revenue.account_id is not null then 'churned'
            else 'prospect'
        end as lifecycle_status,
        revenue.customer_since_on,
        case when revenue.mrr_amount is null then revenue.paid_until_on end as churned_on,
        case when revenue.account_id is not null and revenue.mrr_amount is null then churns.churn_reason end
            as churn_reason,
        renewals.renewal_on,
        cast(coalesce(revenue.mrr_amount, 0) as {{ type_amount() }}) as mrr_amount,
        cast(12 * coalesce(revenue.mrr_amount, 0) as {{ type_amount() }}) as arr_amount,
        revenue.currency,
        cast(coalesce(person_counts.person_count, 0) as bigint) as person_count,
        cast(coalesce(activity.active_person_28d_count, 0) as bigint) as active_person_28d_count,
        activity.last_active_on,
        cast(coalesce(open_tickets.open_ticket_count, 0) as bigint) as open_ticket_count,
        health.health_score,
        health.known_weight_ratio as health_known_weight_ratio,
        health.scored_on as health_scored_on,
        owners.person_key as owner_person_key,
        accounts.is_excluded,
        accounts.excluded_reason,
        accounts.created_at,
        accounts.crm_url
    from accounts
    left join countries on accounts.country in (countries.country_code, countries.country_name)
    left join revenue on accounts.account_id = revenue.account_id
    left join renewals on accounts.account_id = renewals.account_id
    left join churns on accounts.account_id = churns.account_id and churns.choice = 1
    left join activity on accounts.account_id = activity.account_id
    left join open_tickets on accounts.account_id = open_tickets.account_id
    left join health on accounts.account_id = health.account_id
    left join person_counts on accounts.account_id = person_counts.account_id
    left join owners on 'owner/' || accounts.owner_ref = owners.person_ref
)

select * from final
