{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

survey_answers as (
    select
        'nps_response' as object_type,
        response_id as object_id,
        vendor_response_id as vendor_object_id,
        _instance as instance,
        cast(null as {{ type_text() }}) as ticket_id,
        cast(null as {{ type_text() }}) as deal_id,
        account_id as account_record_id,
        contact_id as person_ref,
        answered_at as occurred_at,
        case when score >= 9 then 'praise' when score <= 6 then 'complaint' end as kind,
        score,
        'nps_0_10' as score_scale,
        body,
        coalesce(trim(body), '') <> '' as has_text,
        '{{ var("crm_link_base") }}/' || vendor_response_id as source_url
    from {{ ref('stg_salesforce__survey_responses') }}
    where score is not null and not is_deleted
),

opportunities as (
    select * from {{ ref('stg_salesforce__opportunities') }}
),

notes as (
    select
        'crm_note' as object_type,
        tasks.task_id as object_id,
        tasks.vendor_task_id as vendor_object_id,
        tasks._instance as instance,
        cast(null as {{ type_text() }}) as ticket_id,
        tasks.opportunity_id as deal_id,
        coalesce(tasks.account_id, opportunities.account_id) as account_record_id,
        tasks.contact_id as person_ref,
        tasks.occurred_at,
        cast(null as {{ type_text() }}) as kind,
        cast(null as {{ type_double() }}) as score,
        cast(null as {{ type_text() }}) as score_scale,
        tasks.body,
        true as has_text,
        '{{ var("crm_link_base") }}/lightning/r/Task/' || tasks.vendor_task_id || '/view' as source_url
    from {{ ref('stg_salesforce__tasks') }} as tasks
    left join opportunities on tasks.opportunity_id = opportunities.opportunity_id
    where not tasks.is_deleted and tasks.is_closed and coalesce(trim(tasks.body), '') <> ''
),

final as (
    select * from survey_answers
    union all
    select * from notes
)

select * from final
