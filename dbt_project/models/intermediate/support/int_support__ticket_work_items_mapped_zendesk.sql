{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

select
    link_id,
    ticket_id,
    -- The delivery tool's own id, without its instance: the link does not say which instance it means.
    vendor_issue_id as vendor_work_item_id,
    issue_key as work_item_key,
    created_at as linked_at
from {{ ref('stg_zendesk__jira_links') }}
where not is_deleted
