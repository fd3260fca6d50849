{#
  What an engine says now: of each key the last row of completed loads, less those that are gone. `table` is one of
  the engine's tables, `columns` ({name: type}) those wanted; with `_extracted_at`, when the row came to be as it is.
  Empty where the engine has never run.
#}
{% macro latest_results(engine, table, columns) -%}
    {%- set relation = source('enrichment_' ~ engine, table) -%}
    {%- set loads = api.Relation.create(
        database=target.database, schema='enrichment_' ~ engine, identifier='_dlt_loads'
    ) -%}
    {%- set wanted = dict(columns, _extracted_at='timestamp') -%}
    {%- if raw_table_exists(relation) -%}
    select
        {%- for name in wanted %}
        ranked_results.{{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select
            {%- for name, type in wanted.items() %}
            cast(results.{{ name }} as {{ column_type(type) }}) as {{ name }},
            {%- endfor %}
            results._is_deleted,
            row_number() over (partition by results._key order by results._sequence desc) as version_rank
        from {{ relation }} as results
        inner join {{ loads }} as loads on results._dlt_load_id = loads.load_id and loads.status = 0
    ) as ranked_results
    where ranked_results.version_rank = 1 and not ranked_results._is_deleted
    {%- else -%}
    {{ typed_empty(wanted) }}
    {%- endif %}
{%- endmacro %}
