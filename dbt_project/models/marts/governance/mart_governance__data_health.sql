{#
  Built after the checks, in a run of its own: it tells their outcome, so it reads them straight from where they are
  recorded, and counts every mart that the project has without naming any.
#}
{{ config(tags=['after_checks']) }}

with

loads as (
    select * from {{ ref('int_governance__loads_counted') }}
),

promises as (
    select * from {{ ref('freshness_promises') }}
),

check_outcomes as (
    {{ logged_rows('norte', 'check_outcomes', {
        'checked_at': 'timestamp',
        'layer': 'text',
        'suite': 'text',
        'check_name': 'text',
        'subject': 'text',
        'is_success': 'boolean',
    }) }}
),

publications as (
    {{ logged_rows('norte', 'publications', {
        'publication_id': 'text',
        'published_at': 'timestamp',
        'table_schema': 'text',
        'table_name': 'text',
        'is_held_back': 'boolean',
        'held_back_since': 'timestamp',
        'reason': 'text',
        'data_as_of': 'timestamp',
    }) }}
),

mart_counts as (
    {%- set found = [] %}
    {%- if execute %}
    {%- for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type == 'model' and 'marts' in node.tags and 'after_checks' not in node.tags %}
    {%- set mart = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) %}
    {%- if load_relation(mart) %}{% do found.append(mart) %}{% endif %}
    {%- endfor %}
    {%- endif %}
    {%- for mart in found %}
    select
        cast('{{ mart.schema }}.{{ mart.identifier }}' as {{ type_text() }}) as subject,
        count(*) as row_count
    from {{ mart }}
    {% if not loop.last %}union all{% endif %}
    {%- else %}
    {{ typed_empty({'subject': 'text', 'row_count': 'bigint'}) }}
    {%- endfor %}
),

latest_publications as (
    select
        table_schema || '.' || table_name as subject,
        is_held_back,
        held_back_since,
        reason,
        data_as_of
    from (
        select
            publications.*,
            row_number() over (
                partition by table_schema, table_name order by published_at desc, publication_id desc
            ) as recency
        from publications
    ) as ranked
    where recency = 1
),

latest_checks as (
    -- by layer and table, so that a check that was removed does not fail for ever
    select
        check_outcomes.subject,
        sum(case when check_outcomes.is_success then 0 else 1 end) as failing_check_count
    from check_outcomes
    inner join (
        select
            layer,
            subject,
            max(checked_at) as checked_at
        from check_outcomes
        group by layer, subject
    ) as latest
        on
            check_outcomes.layer = latest.layer
            and check_outcomes.subject = latest.subject
            and check_outcomes.checked_at = latest.checked_at
    group by check_outcomes.subject
),

recent_checks as (
    select
        subject,
        count(*) as failing_check_30d_count
    from (
        select distinct
            layer,
            suite,
            check_name,
            subject
        from check_outcomes
        where
            not is_success
            and checked_at >= {{ dbt.dateadd('day', -30, now_utc()) }}
    ) as failed
    group by subject
),

raw_tables as (
    select
        'raw_table' as subject_type,
        'raw_' || loads.source_name || '.' || loads.resource as subject,
        loads.source_name,
        loads.last_loaded_at,
        loads.row_count,
        coalesce(latest_checks.failing_check_count, 0) as failing_check_count,
        coalesce(recent_checks.failing_check_30d_count, 0) as failing_check_30d_count,
        loads.rejected_count as rejected_row_count,
        loads.schema_change_count
    from loads
    left join latest_checks on 'raw_' || loads.source_name || '.' || loads.resource = latest_checks.subject
    left join recent_checks on 'raw_' || loads.source_name || '.' || loads.resource = recent_checks.subject
),

subjects as (
    select
        subject_type,
        subject,
        last_loaded_at,
        row_count,
        failing_check_count,
        failing_check_30d_count,
        rejected_row_count,
        cast(null as bigint) as schema_change_count,
        cast(null as boolean) as is_held_back,
        cast(null as timestamp) as held_back_since,
        cast(null as {{ type_text() }}) as held_back_reason
    from raw_tables
    union all
    select
        'source' as subject_type,
        source_name as subject,
        max(last_loaded_at) as last_loaded_at,
        sum(row_count) as row_count,
        sum(failing_check_count) as failing_check_count,
        sum(failing_check_30d_count) as failing_check_30d_count,
        sum(rejected_row_count) as rejected_row_count,
        max(schema_change_count) as schema_change_count,
        cast(null as boolean) as is_held_back,
        cast(null as timestamp) as held_back_since,
        cast(null as {{ type_text() }}) as held_back_reason
    from raw_tables
    group by source_name
    union all
    select
        'mart' as subject_type,
        mart_counts.subject,
        case
            when latest_publications.is_held_back then latest_publications.data_as_of
            else {{ now_utc() }}
        end as last_loaded_at,
        mart_counts.row_count,
        coalesce(latest_checks.failing_check_count, 0) as failing_check_count,
        coalesce(recent_checks.failing_check_30d_count, 0) as failing_check_30d_count,
        cast(null as bigint) as rejected_row_count,
        cast(null as bigint) as schema_change_count,
        coalesce(latest_publications.is_held_back, false) as is_held_back,
        case when latest_publications.is_held_back then latest_publications.held_back_since end as held_back_since,
        case when latest_publications.is_held_back then latest_publications.reason end as held_back_reason
    from mart_counts
    left join latest_publications on mart_counts.subject = latest_publications.subject
    left join latest_checks on mart_counts.subject = latest_checks.subject
    left join recent_checks on mart_counts.subject = recent_checks.subject
),

promised as (
    -- a promise of its own, else that of its kind
    select
        subjects.*,
        {{ seconds_between('subjects.last_loaded_at', now_utc()) }} / 3600 as age_hours,
        cast(
            coalesce(own.freshness_promise_hours, of_kind.freshness_promise_hours) as {{ type_double() }}
        ) as freshness_promise_hours
    from subjects
    left join promises as own
        on subjects.subject_type = own.subject_type and subjects.subject = own.subject
    left join promises as of_kind
        on subjects.subject_type = of_kind.subject_type and of_kind.subject = '*'
),

final as (
    select
        subject_type,
        subject,
        last_loaded_at,
        cast(row_count as bigint) as row_count,
        age_hours,
        freshness_promise_hours,
        age_hours <= freshness_promise_hours as is_fresh,
        cast(failing_check_count as bigint) as failing_check_count,
        cast(failing_check_30d_count as bigint) as failing_check_30d_count,
        cast(rejected_row_count as bigint) as rejected_row_count,
        schema_change_count,
        is_held_back,
        held_back_since,
        held_back_reason
    from promised
)

select * from final
