{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

with

deals as (
    select * from {{ ref('stg_hubspot__deals') }}
),

stages as (
    select * from {{ ref('stg_hubspot__pipeline_stages') }}
),

pipelines as (
    select * from {{ ref('stg_hubspot__pipelines') }}
),

-- A deal may name several companies: the primary one is the customer, else the first by id.
deal_companies as (
    select
        from_id as deal_id,
        to_id as company_id,
        row_number() over (
            partition by from_id
            order by case when lower(label) = 'primary' then 0 else 1 end, to_id
        ) as choice
    from {{ ref('stg_hubspot__associations') }}
    where from_type = 'deals' and to_type = 'companies' and not is_deleted
),

final as (
    select
        deals.deal_id,
        deals._instance as instance,
        deals.vendor_deal_id,
        deal_companies.company_id as account_record_id,
        deals.owner_id as owner_ref,
        deals.pipeline_id,
        pipelines.pipeline_name,
        deals.stage_id,
        stages.stage_name,
        stages.probability_ratio as stage_probability_ratio,
        deals.deal_type,
        case
            when coalesce(deals.is_closed_won, stages.is_closed and stages.probability_ratio = 1, false) then 'won'
            when coalesce(deals.is_closed, stages.is_closed, false) then 'lost'
            else 'open'
        end as status,
        deals.amount,
        deals.currency,
        deals.created_at,
        deals.close_at,
        deals.loss_reason,
        deals.loss_reason_text,
        deals.is_deleted,
        '{{ var("crm_link_base") }}/deal/' || deals.vendor_deal_id as crm_url
    from deals
    left join deal_companies on deals.deal_id = deal_companies.deal_id and deal_companies.choice = 1
    left join stages on deals.stage_id = stages.stage_id
    left join pipelines on deals.pipeline_id = pipelines.pipeline_id
)

select * from final
