{{ config(enabled=source_is_enabled('intercom'), unique_key='part_id') }}

with

new_rows as (
    {{ latest_raw_rows('intercom', 'conversation_parts', {
        'part_id': 'text',
        'part_number': 'bigint',
        'conversation_id': 'text',
        'part_type': 'text',
        'body': 'text',
        'state': 'text',
        'author_id': 'text',
        'author_type': 'text',
        'author_email': 'text',
        'author_email_key': 'text',
        'assigned_to_type': 'text',
        'assigned_to_id': 'text',
        'field': 'text',
        'attribute_value': 'text',
        'attribute_previous_value': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('part_id') }} as part_id,
        part_number,
        {{ instance_id('conversation_id') }} as conversation_id,
        part_type,
        body,
        state,
        {{ instance_id('author_id') }} as author_id,
        author_id as vendor_author_id,
        author_type,
        author_email_key,
        {{ email_domain('author_email') }} as author_email_domain,
        assigned_to_type,
        {{ instance_id('assigned_to_id') }} as assigned_to_id,
        field as field_name,
        attribute_value,
        attribute_previous_value,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'part_id') }}
