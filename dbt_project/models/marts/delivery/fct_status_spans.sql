with

field_spans as (
    select * from {{ ref('int_delivery__field_spans') }}
    where field_name = 'status'
),

work_items as (
    select * from {{ ref('int_delivery__work_items_unioned') }}
),

statuses as (
    {{ union_sources('delivery__statuses', {
        'status_id': 'text',
        'status_name': 'text',
        'status_category': 'text',
    }) }}
),

governed_statuses as (
    select
        lower(status_name) as status_name,
        coalesce(project_key, '') as project_key,
        max(kind) as status_kind,
        max(
            case category_override
                when 'new' then 'to_do'
                when 'indeterminate' then 'in_progress'
                else category_override
            end
        ) as status_category
    from {{ ref('stg_governance__statuses') }}
    group by lower(status_name), coalesce(project_key, '')
),

named as (
    select
        field_spans.work_item_id,
        field_spans.span_number,
        field_spans.field_value as status_id,
        coalesce(field_spans.field_label, statuses.status_name, 'unknown') as status_name,
        statuses.status_category,
        work_items.project_key,
        field_spans.started_at,
        field_spans.ended_at
    from field_spans
    inner join work_items on field_spans.work_item_id = work_items.work_item_id
    left join statuses on field_spans.field_value = statuses.status_id
),

categorised as (
    -- governance first, then the id's category as last known; a status nobody knows is work under way
    select
        named.work_item_id,
        named.span_number,
        named.status_id,
        named.status_name,
        coalesce(
            of_project.status_category, of_company.status_category, named.status_category, 'in_progress'
        ) as status_category,
        coalesce(of_project.status_kind, of_company.status_kind) as status_kind,
        named.started_at,
        named.ended_at
    from named
    left join governed_statuses as of_project
        on lower(named.status_name) = of_project.status_name and named.project_key = of_project.project_key
    left join governed_statuses as of_company
        on lower(named.status_name) = of_company.status_name and of_company.project_key = ''
),

final as (
    select
        work_item_id || ':' || cast(span_number as {{ type_text() }}) as span_id,
        work_item_id,
        cast(span_number as bigint) as span_number,
        status_id,
        status_name,
        status_category,
        case
            when status_category = 'done' then 'done'
            when status_kind is not null then status_kind
            when status_category = 'to_do' then 'queue'
            else 'active'
        end as status_kind,
        started_at,
        ended_at,
        case
            when ended_at is not null then {{ seconds_between('started_at', 'ended_at') }} / 3600
            when status_category <> 'done' then {{ seconds_between('started_at', now_utc()) }} / 3600
        end as duration_hours,
        span_number = 1 as is_first,
        ended_at is null as is_current
    from categorised
)

select * from final
