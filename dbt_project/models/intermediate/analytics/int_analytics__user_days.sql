{#
  What each user did on each of the company's days, in each account, by event. Incremental, because events are the
  one large table: new events are added to the days they belong to, however late they came. It holds only what
  the events say; who the user is and what counts is decided downstream, since both may change.
#}
{{ config(
    materialized='incremental', incremental_strategy='merge', unique_key='user_day_id', on_schema_change='fail'
) }}

with

events as (
    {{ union_sources('analytics__events', {
        'event_id': 'text',
        'instance': 'text',
        'event_name': 'text',
        'profile_ref': 'text',
        'user_ref': 'text',
        'account_external_id': 'text',
        'feature': 'text',
        'occurred_at': 'timestamp',
        '_batch_id': 'bigint',
    }) }}
),

new_events as (
    select events.*
    from events
    {%- if is_incremental() %}
    left join (
        select source_name, max(_batch_id) as last_batch_id from {{ this }} group by source_name
    ) as seen on events.source_name = seen.source_name
    where events._batch_id > coalesce(seen.last_batch_id, 0)
    {%- endif %}
),

dated as (
    select
        source_name,
        instance,
        event_name,
        profile_ref,
        user_ref,
        account_external_id,
        feature,
        {{ to_local_date('occurred_at') }} as date_on,
        occurred_at,
        _batch_id
    from new_events
),

counted as (
    select
        source_name,
        instance,
        event_name,
        profile_ref,
        user_ref,
        account_external_id,
        feature,
        date_on,
        count(*) as event_count,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        max(_batch_id) as _batch_id
    from dated
    group by source_name, instance, event_name, profile_ref, user_ref, account_external_id, feature, date_on
),

identified as (
    select
        {{ hashed_id([
            'source_name', 'instance', 'event_name', 'profile_ref', 'user_ref', 'account_external_id', 'feature',
            'date_on',
        ]) }} as user_day_id,
        counted.*
    from counted
),

final as (
    select
        identified.user_day_id,
        identified.source_name,
        identified.instance,
        identified.event_name,
        identified.profile_ref,
        identified.user_ref,
        identified.account_external_id,
        identified.feature,
        identified.date_on,
        {%- if is_incremental() %}
        identified.event_count + coalesce(existing.event_count, 0) as event_count,
        case
            when existing.first_event_at < identified.first_event_at then existing.first_event_at
            else identified.first_event_at
        end as first_event_at,
        case
            when existing.last_event_at > identified.last_event_at then existing.last_event_at
            else identified.last_event_at
        end as last_event_at,
        {%- else %}
        identified.event_count,
        identified.first_event_at,
        identified.last_event_at,
        {%- endif %}
        identified._batch_id
    from identified
    {%- if is_incremental() %}
    left join {{ this }} as existing on identified.user_day_id = existing.user_day_id
    {%- endif %}
)

select * from final
