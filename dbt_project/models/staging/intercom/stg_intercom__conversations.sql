{{ config(enabled=source_is_enabled('intercom'), unique_key='conversation_id') }}

with

new_rows as (
    {{ latest_raw_rows('intercom', 'conversations', {
        'conversation_id': 'text',
        'title': 'text',
        'state': 'text',
        'priority': 'text',
        'conversation_type': 'text',
        'is_merged': 'boolean',
        'admin_assignee_id': 'text',
        'team_assignee_id': 'text',
        'contact_id': 'text',
        'company_id': 'text',
        'source_id': 'text',
        'source_type': 'text',
        'source_subject': 'text',
        'source_body': 'text',
        'author_id': 'text',
        'author_type': 'text',
        'author_email': 'text',
        'author_email_key': 'text',
        'tags': 'text',
        'work_item_keys': 'text',
        'rating': 'bigint',
        'rating_remark': 'text',
        'rated_at': 'timestamp',
        'rating_contact_id': 'text',
        'first_admin_reply_at': 'timestamp',
        'first_close_at': 'timestamp',
        'last_close_at': 'timestamp',
        'reopen_count': 'bigint',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('conversation_id') }} as conversation_id,
        conversation_id as vendor_conversation_id,
        title,
        state,
        priority,
        conversation_type,
        coalesce(is_merged, false) as is_merged,
        {{ instance_id('admin_assignee_id') }} as admin_assignee_id,
        {{ instance_id('team_assignee_id') }} as team_assignee_id,
        {{ instance_id('contact_id') }} as contact_id,
        {{ instance_id('company_id') }} as company_id,
        {{ instance_id('source_id') }} as source_id,
        source_type,
        source_subject,
        source_body,
        {{ instance_id('author_id') }} as author_id,
        author_id as vendor_author_id,
        author_type,
        author_email_key,
        {{ email_domain('author_email') }} as author_email_domain,
        coalesce(tags, '') as tags,
        work_item_keys,
        rating,
        rating_remark,
        rated_at,
        {{ instance_id('rating_contact_id') }} as rating_contact_id,
        first_admin_reply_at,
        first_close_at,
        last_close_at,
        reopen_count,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'conversation_id') }}
