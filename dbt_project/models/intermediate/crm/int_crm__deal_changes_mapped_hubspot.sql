{{ config(enabled=source_is_enabled('hubspot'), materialized='view') }}

select
    deal_id,
    case property_name
        when 'dealstage' then 'stage'
        when 'closedate' then 'close_at'
        else property_name
    end as field_name,
    case property_name
        when 'dealstage' then _instance || ':' || property_value
        else property_value
    end as field_value,
    changed_at
from {{ ref('stg_hubspot__deal_properties') }}
where not is_deleted
