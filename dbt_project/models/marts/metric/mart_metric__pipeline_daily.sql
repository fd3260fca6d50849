with

stays as (
    select * from {{ ref('fct_deal_stages') }}
    where not is_closed
),

deals as (
    select
        deal_id,
        pipeline_name,
        amount,
        currency
    from {{ ref('fct_deals') }}
),

changes as (
    {{ union_sources('crm__deal_changes', {
        'deal_id': 'text',
        'field_name': 'text',
        'field_value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

amounts as (
    select
        deal_id,
        -- an amount that somebody took away is none
        {{ dbt.safe_cast("nullif(field_value, '')", type_amount()) }} as amount,
        changed_at,
        coalesce(
            lead(changed_at) over (partition by deal_id order by changed_at, field_value),
            cast('2999-01-01' as timestamp)
        ) as replaced_at
    from changes
    where field_name = 'amount'
),

-- Whose amounts the CRM keeps no history of: they are known now, and of no earlier day.
without_history as (
    select
        deals.deal_id,
        deals.amount
    from deals
    left join amounts on deals.deal_id = amounts.deal_id
    where amounts.deal_id is null and deals.amount is not null
),

stages as (
    {{ union_sources('crm__deal_stages', {
        'stage_id': 'text',
        'pipeline_id': 'text',
        'stage_name': 'text',
        'position': 'bigint',
        'probability_ratio': 'double',
        'is_closed': 'boolean',
        'is_won': 'boolean',
    }) }}
),

rates as (
    select * from {{ ref('int_revenue__fiscal_rates') }}
),

dates as (
    {{ date_spine('(select ' ~ to_local_date('min(stays.entered_at)') ~ ' from stays)', today()) }}
),

-- A day is looked at in its last moment, today now.
days as (
    select
        date_on,
        case
            when date_on < {{ today() }} then {{ from_local('cast(' ~ add_days('date_on', 1) ~ ' as timestamp)') }}
            else {{ now_utc() }}
        end as ends_at
    from dates
),

standings as (
    select
        days.date_on,
        stays.deal_id,
        stays.pipeline_id,
        stays.stage_id,
        stays.stage_name,
        stays.segment,
        deals.pipeline_name,
        stages.position as stage_position,
        stages.probability_ratio,
        rates.reporting_currency,
        case when without_history.deal_id is not null and days.date_on < {{ today() }} then 1 else 0 end as is_unknown,
        case
            when without_history.deal_id is not null and days.date_on = {{ today() }} then without_history.amount
            else amounts.amount
        end * rates.rate as reporting_amount
    from days
    inner join stays
        on
            days.ends_at > stays.entered_at
            and (stays.left_at is null or days.ends_at <= stays.left_at)
    inner join deals on stays.deal_id = deals.deal_id
    left join stages on stays.stage_id = stages.stage_id
    left join amounts
        on
            stays.deal_id = amounts.deal_id
            and days.ends_at > amounts.changed_at
            and days.ends_at <= amounts.replaced_at
    left join without_history on stays.deal_id = without_history.deal_id
    left join rates
        on
            deals.currency = rates.currency
            and days.date_on >= rates.starts_on
            and days.date_on < rates.ends_on
),

standings_by_segment as (
    select
        date_on,
        deal_id,
        pipeline_id,
        stage_id,
        stage_name,
        segment,
        pipeline_name,
        stage_position,
        probability_ratio,
        reporting_currency,
        is_unknown,
        reporting_amount
    from standings
    where segment is not null
    union all
    select
        date_on,
        deal_id,
        pipeline_id,
        stage_id,
        stage_name,
        'all' as segment,
        pipeline_name,
        stage_position,
        probability_ratio,
        reporting_currency,
        is_unknown,
        reporting_amount
    from standings
),

final as (
    select
        date_on,
        segment,
        pipeline_id,
        max(pipeline_name) as pipeline_name,
        stage_id,
        max(stage_name) as stage_name,
        max(stage_position) as stage_position,
        cast(count(*) as bigint) as open_deal_count,
        cast(sum(is_unknown) as bigint) as unknown_amount_deal_count,
        cast(
            case when sum(is_unknown) = 0 then sum(coalesce(reporting_amount, 0)) end as {{ type_amount() }}
        ) as open_amount,
        cast(
            case when sum(is_unknown) = 0 then sum(coalesce(reporting_amount * probability_ratio, 0)) end
            as {{ type_amount() }}
        ) as weighted_amount,
        max(reporting_currency) as currency,
        date_on < {{ today() }} as is_complete
    from standings_by_segment
    group by date_on, segment, pipeline_id, stage_id
)

select * from final
