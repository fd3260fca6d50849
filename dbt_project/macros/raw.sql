{#
  How staging reads raw. Raw is an append-only log; `stg_loads` gives each completed load the number of the batch in
  which dbt first saw it. A staging model reads the batches that it has not seen, as a set of loads and never by a
  maximum of time, and keeps the latest version of each key: by the source's time of change, then by extraction, then
  by version, so that an older version that arrives late never overwrites a newer one and every run decides alike.
#}

{% macro source_is_enabled(source_name) %}
    {{ return(source_name in var('sources_enabled')) }}
{% endmacro %}

{# A vendor's id as it is known past staging: '<instance>:<id>'; null stays null. #}
{% macro instance_id(column) -%}
    _instance || ':' || {{ column }}
{%- endmacro %}

{# The columns that each staging model carries on. #}
{% macro envelope() -%}
    _instance,
    _version_id,
    _source_updated_at,
    _extracted_at,
    _is_deleted as is_deleted,
    _batch_id
{%- endmacro %}

{#
  Lists all raw schemas before the first model. dbt lists a schema when a model first asks for one of its tables, and
  takes it for listed as soon as it has noted the first of them: a model that asks at that moment in another thread
  would be told that its table does not exist, and be built empty.
#}
{% macro list_raw_tables() %}
    {%- if execute %}
        {%- set places = [] %}
        {%- for node in graph.sources.values() if (node.database, node.schema) not in places %}
            {%- do places.append((node.database, node.schema)) %}
            {%- do adapter.get_relation(node.database, node.schema, node.identifier) %}
        {%- endfor %}
    {%- endif %}
{%- endmacro %}

{# Whether a raw table is there: a source that has never loaded, or an entity it never had, has none. #}
{% macro raw_table_exists(relation) %}
    {% if not execute or relation.is_cte %}{{ return(true) }}{% endif %}
    {{ return(load_relation(relation) is not none) }}
{% endmacro %}

{#
  The rows of a raw table in completed loads, with `_batch_id`; in an incremental run only those of batches that the
  model has not seen. `columns`: {name: type} of the typed columns wanted.
#}
{% macro new_raw_rows(source_name, table, columns) -%}
    {%- set relation = source(source_name, table) -%}
    {%- set loads = ref('stg_loads') -%}
    {%- set envelope = {
        '_instance': 'text', '_key': 'text', '_version_id': 'text', '_source_updated_at': 'timestamp',
        '_extracted_at': 'timestamp', '_is_deleted': 'boolean'
    } -%}
    {%- if raw_table_exists(relation) -%}
    select
        {%- for name in envelope %}
        raw_rows.{{ name }},
        {%- endfor %}
        {%- for name, type in columns.items() %}
        cast(raw_rows.{{ name }} as {{ column_type(type) }}) as {{ name }},
        {%- endfor %}
        loads.batch_id as _batch_id
    from {{ relation }} as raw_rows
    inner join {{ loads }} as loads
        on raw_rows._dlt_load_id = loads.load_id and loads.source_name = '{{ source_name }}'
    {%- if is_incremental() %}
    where loads.batch_id > (select coalesce(max(seen._batch_id), 0) from {{ this }} as seen)
    {%- endif %}
    {%- else -%}
    {{ typed_empty(dict(envelope, **dict(columns, _batch_id='bigint'))) }}
    {%- endif %}
{%- endmacro %}

{# Of `new_raw_rows` the latest of each key. #}
{% macro latest_raw_rows(source_name, table, columns) -%}
    select
        _instance,
        _key,
        _version_id,
        _source_updated_at,
        _extracted_at,
        _is_deleted,
        {%- for name in columns %}
        {{ name }},
        {%- endfor %}
        _batch_id
    from (
        select
            new_raw_rows.*,
            row_number() over (
                partition by _instance, _key
                order by _source_updated_at desc nulls last, _extracted_at desc, _version_id desc
            ) as version_rank
        from (
            {{ new_raw_rows(source_name, table, columns) }}
        ) as new_raw_rows
    ) as ranked_rows
    where version_rank = 1
{%- endmacro %}

{#
  The last statement of a staging model: its rows, less those older than what the model already holds. `rows` is a
  CTE with the envelope and one row per key.
#}
{% macro unless_older(rows, key) -%}
    select {{ rows }}.*
    from {{ rows }}
    {%- if is_incremental() %}
    left join {{ this }} as existing on {{ rows }}.{{ key }} = existing.{{ key }}
    where
        existing.{{ key }} is null
        or {{ sort_time(rows ~ '._source_updated_at') }} > {{ sort_time('existing._source_updated_at') }}
        or (
            {{ sort_time(rows ~ '._source_updated_at') }} = {{ sort_time('existing._source_updated_at') }}
            and {{ rows }}._extracted_at > existing._extracted_at
        )
        or (
            {{ sort_time(rows ~ '._source_updated_at') }} = {{ sort_time('existing._source_updated_at') }}
            and {{ rows }}._extracted_at = existing._extracted_at
            and {{ rows }}._version_id >= existing._version_id
        )
    {%- endif %}
{%- endmacro %}

{# A time to compare by: what has none is older than everything. #}
{% macro sort_time(column) -%}
    coalesce({{ column }}, cast('0001-01-01' as timestamp))
{%- endmacro %}

{#
  The rows of a list that was flattened out of a parent: those read with the parent's current version, once each.
  For models materialised as tables, since a list loses members without a row of its own.
  `parent` is the parent's staging model, `parent_id` the id column of both (prefixed there, bare in raw).
#}
{% macro current_children(source_name, table, columns, parent, parent_id) -%}
    select
        _instance,
        _key,
        _version_id,
        _source_updated_at,
        _extracted_at,
        _is_deleted,
        {%- for name in columns %}
        {{ name }},
        {%- endfor %}
        _batch_id
    from (
        select
            new_raw_rows.*,
            row_number() over (
                partition by new_raw_rows._instance, new_raw_rows._key
                order by new_raw_rows._extracted_at desc, new_raw_rows._version_id desc
            ) as version_rank
        from (
            {{ new_raw_rows(source_name, table, dict(columns, _parent_version_id='text')) }}
        ) as new_raw_rows
        inner join {{ ref(parent) }} as parents
            on
                new_raw_rows._instance || ':' || new_raw_rows.{{ parent_id }} = parents.{{ parent_id }}
                and new_raw_rows._parent_version_id = parents._version_id
        where not parents.is_deleted
    ) as ranked_rows
    where version_rank = 1
{%- endmacro %}

{#
  All rows of a table that something outside dbt appends, or typed empty rows where it has not written yet: for logs
  read as they are, not for a vendor's objects.
#}
{% macro logged_rows(source_name, table, columns) -%}
    {%- set relation = source(source_name, table) -%}
    {%- if raw_table_exists(relation) -%}
    select
        {%- for name, type in columns.items() %}
        cast({{ name }} as {{ column_type(type) }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    {%- else -%}
    {{ typed_empty(columns) }}
    {%- endif %}
{%- endmacro %}
