with

deliveries as (
    select * from {{ ref('dim_deliveries') }}
    where released_at is not null
),

releases as (
    select * from {{ ref('fct_releases') }}
    where released_on is not null
),

marks as (
    select
        'delivery:' || delivery_id as mark_id,
        'delivery' as mark_kind,
        delivery_name as mark_name,
        released_on as marked_on,
        released_at as marked_at,
        released_at_source as marked_at_source,
        delivery_id,
        cast(null as {{ type_text() }}) as release_id,
        team_id,
        theme_id,
        rollout,
        origin = 'governed' as is_governed,
        metric_ids
    from deliveries
    union all
    select
        'version:' || release_id as mark_id,
        'version' as mark_kind,
        release_name as mark_name,
        released_on as marked_on,
        {{ from_local('cast(released_on as timestamp)') }} as marked_at,
        'fix_version' as marked_at_source,
        cast(null as {{ type_text() }}) as delivery_id,
        release_id,
        team_id,
        cast(null as {{ type_text() }}) as theme_id,
        cast(null as {{ type_text() }}) as rollout,
        false as is_governed,
        cast(null as {{ type_text() }}) as metric_ids
    from releases
),

final as (
    select
        mark_id,
        mark_kind,
        mark_name,
        marked_on,
        {{ start_of('week', 'marked_on') }} as week_start_on,
        marked_at,
        marked_at_source,
        marked_at <= {{ now_utc() }} as is_past,
        delivery_id,
        release_id,
        team_id,
        theme_id,
        rollout,
        is_governed,
        metric_ids
    from marks
)

select * from final
