{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

select
    'csat_response' as object_type,
    conversation_id as object_id,
    vendor_conversation_id as vendor_object_id,
    _instance as instance,
    conversation_id as ticket_id,
    cast(null as {{ type_text() }}) as deal_id,
    cast(null as {{ type_text() }}) as account_record_id,
    rating_contact_id as person_ref,
    rated_at as occurred_at,
    case {{ intercom_satisfaction('rating') }} when 'good' then 'praise' when 'bad' then 'complaint' end as kind,
    case {{ intercom_satisfaction('rating') }}
        when 'good' then cast(1 as {{ type_double() }})
        when 'bad' then cast(0 as {{ type_double() }})
    end as score,
    'csat_good_bad' as score_scale,
    rating_remark as body,
    coalesce(trim(rating_remark), '') <> '' as has_text,
    '{{ var("support_link_base") }}/conversation/' || vendor_conversation_id as source_url
from {{ ref('stg_intercom__conversations') }}
where not is_deleted and rating is not null
