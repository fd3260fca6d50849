{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

with

associations as (
    select
        from_type,
        from_id,
        to_type,
        to_id,
        row_number() over (
            partition by from_type, from_id, to_type
            order by case when lower(label) = 'primary' then 0 else 1 end, to_id
        ) as choice
    from {{ ref('stg_hubspot__associations') }}
    where not is_deleted
),

survey_answers as (
    select
        'nps_response' as object_type,
        submission_id as object_id,
        vendor_submission_id as vendor_object_id,
        _instance as instance,
        cast(null as {{ type_text() }}) as ticket_id,
        cast(null as {{ type_text() }}) as deal_id,
        cast(null as {{ type_text() }}) as account_record_id,
        contact_id as person_ref,
        answered_at as occurred_at,
        case when score >= 9 then 'praise' when score <= 6 then 'complaint' end as kind,
        score,
        'nps_0_10' as score_scale,
        body,
        coalesce(trim(body), '') <> '' as has_text,
        '{{ var("crm_link_base") }}/feedback-submissions/' || vendor_submission_id as source_url
    from {{ ref('stg_hubspot__feedback_submissions') }}
    where survey_type = 'NPS' and not is_deleted
),

notes as (
    select
        'crm_note' as object_type,
        notes.note_id as object_id,
        notes.vendor_note_id as vendor_object_id,
        notes._instance as instance,
        cast(null as {{ type_text() }}) as ticket_id,
        note_deals.to_id as deal_id,
        coalesce(note_companies.to_id, deal_companies.to_id) as account_record_id,
        note_contacts.to_id as person_ref,
        notes.occurred_at,
        cast(null as {{ type_text() }}) as kind,
        cast(null as {{ type_double() }}) as score,
        cast(null as {{ type_text() }}) as score_scale,
        {{ text_of_html('notes.body') }} as body,
        true as has_text,
        '{{ var("crm_link_base") }}/note/' || notes.vendor_note_id as source_url
    from {{ ref('stg_hubspot__notes') }} as notes
    left join associations as note_companies
        on
            notes.note_id = note_companies.from_id and note_companies.from_type = 'notes'
            and note_companies.to_type = 'companies' and note_companies.choice = 1
    left join associations as note_deals
        on
            notes.note_id = note_deals.from_id and note_deals.from_type = 'notes'
            and note_deals.to_type = 'deals' and note_deals.choice = 1
    left join associations as deal_companies
        on
            note_deals.to_id = deal_companies.from_id and deal_companies.from_type = 'deals'
            and deal_companies.to_type = 'companies' and deal_companies.choice = 1
    left join associations as note_contacts
        on
            notes.note_id = note_contacts.from_id and note_contacts.from_type = 'notes'
            and note_contacts.to_type = 'contacts' and note_contacts.choice = 1
    where not notes.is_deleted and coalesce({{ text_of_html('notes.body') }}, '') <> ''
),

final as (
    select * from survey_answers
    union all
    select * from notes
)

select * from final
