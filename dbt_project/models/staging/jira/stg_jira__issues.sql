{{ config(enabled=source_is_enabled('jira'), unique_key='issue_id') }}

with

new_rows as (
    {{ latest_raw_rows('jira', 'issues', {
        'issue_id': 'text',
        'issue_key': 'text',
        'project_id': 'text',
        'project_key': 'text',
        'issue_type_id': 'text',
        'issue_type_name': 'text',
        'hierarchy_level': 'bigint',
        'summary': 'text',
        'status_id': 'text',
        'status_name': 'text',
        'status_category_key': 'text',
        'priority': 'text',
        'resolution': 'text',
        'resolved_at': 'timestamp',
        'created_at': 'timestamp',
        'updated_at': 'timestamp',
        'assignee_id': 'text',
        'reporter_id': 'text',
        'parent_id': 'text',
        'story_points': 'double',
        'labels': 'text',
        'is_flagged': 'boolean',
    }) }}
),

final as (
    select
        {{ instance_id('issue_id') }} as issue_id,
        issue_id as vendor_issue_id,
        issue_key,
        {{ instance_id('project_id') }} as project_id,
        project_key,
        {{ instance_id('issue_type_id') }} as issue_type_id,
        issue_type_name,
        hierarchy_level,
        summary,
        {{ instance_id('status_id') }} as status_id,
        status_name,
        status_category_key,
        priority,
        resolution,
        resolved_at,
        created_at,
        updated_at,
        {{ instance_id('assignee_id') }} as assignee_id,
        {{ instance_id('reporter_id') }} as reporter_id,
        {{ instance_id('parent_id') }} as parent_issue_id,
        story_points,
        labels,
        coalesce(is_flagged, false) as is_flagged,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'issue_id') }}
