{{ config(enabled=source_is_enabled('jira'), materialized='view') }}

with

final as (
    select
        status_id,
        status_name,
        case category_key
            when 'new' then 'to_do'
            when 'indeterminate' then 'in_progress'
            when 'done' then 'done'
        end as status_category
    from {{ ref('stg_jira__statuses') }}
)

select * from final
