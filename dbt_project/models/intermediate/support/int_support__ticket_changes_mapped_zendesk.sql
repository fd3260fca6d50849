{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    change_id,
    ticket_id,
    field_name,
    from_value,
    to_value,
    changed_at
from {{ ref('stg_zendesk__ticket_changes') }}
where not is_deleted and field_name in ('status', 'priority')
