{#
  A status that was deleted still names past spans, but its tombstone says nothing: what was last known of it stays.
  Hence a table over all of raw, which for this list is short.
#}
{{ config(enabled=source_is_enabled('jira'), materialized='table') }}

with

versions as (
    {{ new_raw_rows('jira', 'statuses', {
        'status_id': 'text',
        'name': 'text',
        'category_key': 'text',
    }) }}
),

ranked as (
    select
        versions.*,
        row_number() over (
            partition by versions._instance, versions._key
            order by versions._source_updated_at desc nulls last, versions._extracted_at desc, versions._version_id desc
        ) as version_rank,
        row_number() over (
            partition by versions._instance, versions._key, versions._is_deleted
            order by versions._source_updated_at desc nulls last, versions._extracted_at desc, versions._version_id desc
        ) as rank_while_alive
    from versions
),

last_known as (
    select
        _instance,
        _key,
        name,
        category_key
    from ranked
    where not _is_deleted and rank_while_alive = 1
),

final as (
    select
        ranked._instance || ':' || ranked.status_id as status_id,
        last_known.name as status_name,
        last_known.category_key,
        ranked._instance,
        ranked._version_id,
        ranked._source_updated_at,
        ranked._extracted_at,
        ranked._is_deleted as is_deleted,
        ranked._batch_id
    from ranked
    left join last_known on ranked._instance = last_known._instance and ranked._key = last_known._key
    where ranked.version_rank = 1
)

select * from final
