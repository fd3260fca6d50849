{{ config(enabled=source_is_enabled('jira'), materialized='table') }}

with

members as (
    {{ current_children('jira', 'issue_sprints', {
        'issue_id': 'text',
        'sprint_id': 'text',
    }, parent='stg_jira__issues', parent_id='issue_id') }}
),

final as (
    select
        {{ instance_id('issue_id') }} as issue_id,
        {{ instance_id('sprint_id') }} as sprint_id,
        {{ envelope() }}
    from members
)

select * from final
