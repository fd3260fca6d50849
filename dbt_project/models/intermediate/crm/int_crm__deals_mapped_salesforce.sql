{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

opportunities as (
    select * from {{ ref('stg_salesforce__opportunities') }}
),

stages as (
    select * from {{ ref('stg_salesforce__opportunity_stages') }}
),

record_types as (
    select * from {{ ref('stg_salesforce__record_types') }}
),

final as (
    select
        opportunities.opportunity_id as deal_id,
        opportunities._instance as instance,
        opportunities.vendor_opportunity_id as vendor_deal_id,
        opportunities.account_id as account_record_id,
        opportunities.owner_id as owner_ref,
        coalesce(opportunities.record_type_id, opportunities._instance || ':') as pipeline_id,
        coalesce(record_types.record_type_name, 'Opportunities') as pipeline_name,
        coalesce(opportunities.record_type_id, opportunities._instance || ':') || '/' || opportunities.stage_name
            as stage_id,
        coalesce(stages.stage_name, opportunities.stage_name) as stage_name,
        stages.probability_ratio as stage_probability_ratio,
        replace(lower(trim(opportunities.opportunity_type)), ' ', '_') as deal_type,
        case
            when coalesce(opportunities.is_won, false) then 'won'
            when coalesce(opportunities.is_closed, false) then 'lost'
            else 'open'
        end as status,
        opportunities.amount,
        opportunities.currency,
        opportunities.created_at,
        cast(opportunities.close_on as timestamp) as close_at,
        opportunities.loss_reason,
        opportunities.loss_reason_text,
        opportunities.is_deleted,
        '{{ var("crm_link_base") }}/lightning/r/Opportunity/' || opportunities.vendor_opportunity_id || '/view' as crm_url
    from opportunities
    left join stages
        on opportunities.stage_name = stages.api_name and opportunities._instance = stages._instance
    left join record_types on opportunities.record_type_id = record_types.record_type_id
)

select * from final
