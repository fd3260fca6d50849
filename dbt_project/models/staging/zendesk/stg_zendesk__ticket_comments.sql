{{ config(enabled=source_is_enabled('zendesk'), unique_key='comment_id') }}

with

new_rows as (
    {{ latest_raw_rows('zendesk', 'ticket_comments', {
        'comment_id': 'text',
        'ticket_id': 'text',
        'author_id': 'text',
        'is_public': 'boolean',
        'body': 'text',
        'via_channel': 'text',
        'created_at': 'timestamp',
    }) }}
),

final as (
    select
        {{ instance_id('comment_id') }} as comment_id,
        comment_id as vendor_comment_id,
        {{ instance_id('ticket_id') }} as ticket_id,
        {{ instance_id('author_id') }} as author_id,
        is_public,
        body,
        via_channel,
        created_at,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'comment_id') }}
