{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

-- One row holds the state of all three; a change of one is where it differs from the row before.
states as (
    select
        history.opportunity_id,
        history.changed_at,
        history.stage_name,
        history.amount,
        history.close_on,
        coalesce(opportunities.record_type_id, opportunities._instance || ':') as pipeline_id,
        row_number() over (
            partition by history.opportunity_id order by history.changed_at, history.opportunity_history_id
        ) as state_number,
        lag(history.stage_name) over (
            partition by history.opportunity_id order by history.changed_at, history.opportunity_history_id
        ) as previous_stage_name,
        lag(history.amount) over (
            partition by history.opportunity_id order by history.changed_at, history.opportunity_history_id
        ) as previous_amount,
        lag(history.close_on) over (
            partition by history.opportunity_id order by history.changed_at, history.opportunity_history_id
        ) as previous_close_on
    from {{ ref('stg_salesforce__opportunity_history') }} as history
    inner join {{ ref('stg_salesforce__opportunities') }} as opportunities
        on history.opportunity_id = opportunities.opportunity_id
    where not history.is_deleted
),

final as (
    select
        opportunity_id as deal_id,
        'stage' as field_name,
        pipeline_id || '/' || stage_name as field_value,
        changed_at
    from states
    where state_number = 1 or coalesce(stage_name, '') <> coalesce(previous_stage_name, '')

    union all

    select
        opportunity_id as deal_id,
        'amount' as field_name,
        cast(amount as {{ type_text() }}) as field_value,
        changed_at
    from states
    where state_number = 1 or coalesce(amount, -1) <> coalesce(previous_amount, -1)

    union all

    select
        opportunity_id as deal_id,
        'close_at' as field_name,
        cast(close_on as {{ type_text() }}) as field_value,
        changed_at
    from states
    where state_number = 1 or close_on <> previous_close_on
)

select * from final
