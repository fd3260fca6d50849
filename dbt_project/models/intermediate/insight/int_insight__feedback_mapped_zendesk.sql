{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    'csat_response' as object_type,
    response_id as object_id,
    vendor_response_id as vendor_object_id,
    _instance as instance,
    ticket_id,
    cast(null as {{ type_text() }}) as deal_id,
    cast(null as {{ type_text() }}) as account_record_id,
    responder_id as person_ref,
    answered_at as occurred_at,
    case rating_category when 'good' then 'praise' when 'bad' then 'complaint' end as kind,
    case rating_category
        when 'good' then cast(1 as {{ type_double() }})
        when 'bad' then cast(0 as {{ type_double() }})
    end as score,
    'csat_good_bad' as score_scale,
    body,
    coalesce(trim(body), '') <> '' as has_text,
    '{{ var("support_link_base") }}/agent/tickets/' || vendor_ticket_id as source_url
from {{ ref('stg_zendesk__csat_responses') }}
where not is_deleted
