{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

with

final as (
    select
        issue_id as work_item_id,
        version_id as release_id
    from {{ ref('stg_jira__issue_fix_versions') }}
)

select * from final
