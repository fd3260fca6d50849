with

deals as (
    {{ union_sources('crm__deals', {
        'deal_id': 'text',
        'instance': 'text',
        'vendor_deal_id': 'text',
        'account_record_id': 'text',
        'owner_ref': 'text',
        'pipeline_id': 'text',
        'pipeline_name': 'text',
        'stage_id': 'text',
        'stage_name': 'text',
        'stage_probability_ratio': 'double',
        'deal_type': 'text',
        'status': 'text',
        'amount': 'numeric',
        'currency': 'text',
        'created_at': 'timestamp',
        'close_at': 'timestamp',
        'loss_reason': 'text',
        'loss_reason_text': 'text',
        'is_deleted': 'boolean',
        'crm_url': 'text',
    }) }}
),

changes as (
    {{ union_sources('crm__deal_changes', {
        'deal_id': 'text',
        'field_name': 'text',
        'field_value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

rates as (
    select * from {{ ref('int_revenue__fiscal_rates') }}
),

stage_changes as (
    select
        deals.deal_id,
        count(*) - 1 as stage_change_count,
        max(case when changes.field_value = deals.stage_id then changes.changed_at end) as entered_stage_at
    from deals
    inner join changes on deals.deal_id = changes.deal_id and changes.field_name = 'stage'
    group by deals.deal_id
),

closings as (
    select
        deals.deal_id,
        case when deals.status <> 'open' then coalesce(stage_changes.entered_stage_at, deals.close_at) end as closed_at
    from deals
    left join stage_changes on deals.deal_id = stage_changes.deal_id
),

-- CRMs have one close date: the expected one until the deal closes, then the day it did. So what was expected of a
-- closed deal is what stood there before.
expected_closes as (
    select
        changes.deal_id,
        changes.field_value,
        row_number() over (
            partition by changes.deal_id order by changes.changed_at, changes.field_value
        ) as number_from_first,
        row_number() over (
            partition by changes.deal_id order by changes.changed_at desc, changes.field_value desc
        ) as number_from_last
    from changes
    inner join closings on changes.deal_id = closings.deal_id
    where
        changes.field_name = 'close_at'
        and changes.field_value <> ''
        and (closings.closed_at is null or changes.changed_at < closings.closed_at)
),

expected as (
    select
        deal_id,
        max(case when number_from_first = 1 then {{ expected_close_date(dbt.safe_cast('field_value', 'timestamp')) }} end)
            as first_expected_close_on,
        max(case when number_from_last = 1 then {{ expected_close_date(dbt.safe_cast('field_value', 'timestamp')) }} end)
            as last_expected_close_on
    from expected_closes
    group by deal_id
),

dated as (
    select
        deals.*,
        accounts.account_id,
        closings.closed_at,
        coalesce(stage_changes.stage_change_count, 0) as stage_change_count,
        coalesce(expected.last_expected_close_on, {{ expected_close_date('deals.close_at') }}) as expected_close_on,
        coalesce(expected.first_expected_close_on, {{ expected_close_date('deals.close_at') }})
            as first_expected_close_on
    from deals
    inner join closings on deals.deal_id = closings.deal_id
    left join accounts on deals.account_record_id = accounts.account_record_id
    left join stage_changes on deals.deal_id = stage_changes.deal_id
    left join expected on deals.deal_id = expected.deal_id
    where not deals.is_deleted and not coalesce(accounts.is_excluded, false)
),

final as (
    select
        dated.deal_id,
        dated.account_id,
        owners.person_key as owner_person_key,
        dated.pipeline_id,
        dated.pipeline_name,
        dated.stage_id,
        dated.stage_name,
        dated.deal_type,
        dated.status,
        dated.amount,
        dated.currency,
        cast(dated.amount * rates.rate as {{ type_amount() }}) as reporting_amount,
        dated.created_at,
        {{ to_local_date('dated.created_at') }} as created_on,
        dated.closed_at,
        {{ to_local_date('dated.closed_at') }} as closed_on,
        dated.expected_close_on,
        dated.first_expected_close_on,
        cast({{ dbt.datediff('dated.first_expected_close_on', 'dated.expected_close_on', 'day') }} as bigint)
            as slipped_days,
        case when dated.status = 'lost' then dated.loss_reason end as loss_reason,
        cast(dated.stage_change_count as bigint) as stage_change_count,
        {{ seconds_between('dated.created_at', 'dated.closed_at') }} / 86400 as sales_cycle_days,
        segments.segment,
        dated.stage_probability_ratio,
        dated.crm_url
    from dated
    left join people as owners on 'owner/' || dated.owner_ref = owners.person_ref
    left join segments
        on
            dated.account_id = segments.account_id
            and dated.created_at >= segments.valid_from_at
            and dated.created_at < segments.valid_to_at
    left join rates
        on
            dated.currency = rates.currency
            and {{ to_local_date('coalesce(dated.closed_at, dated.created_at)') }} >= rates.starts_on
            and {{ to_local_date('coalesce(dated.closed_at, dated.created_at)') }} < rates.ends_on
)

select * from final
