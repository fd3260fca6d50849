{{ config(enabled=source_is_enabled('salesforce'), unique_key='task_id') }}

with

new_rows as (
    {{ latest_raw_rows('salesforce', 'tasks', {
        'task_id': 'text',
        'account_id': 'text',
        'what_id': 'text',
        'who_id': 'text',
        'description': 'text',
        'is_closed': 'boolean',
        'completed_at': 'timestamp',
        'created_at': 'timestamp',
        'owner_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('task_id') }} as task_id,
        task_id as vendor_task_id,
        {{ instance_id('account_id') }} as account_id,
        -- The first three characters of an id tell the object.
        case when what_id like '006%' then {{ instance_id('what_id') }} end as opportunity_id,
        case when who_id like '003%' then {{ instance_id('who_id') }} end as contact_id,
        description as body,
        coalesce(is_closed, false) as is_closed,
        coalesce(completed_at, created_at) as occurred_at,
        {{ instance_id('owner_id') }} as owner_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'task_id') }}
