{# What DuckDB writes differently; what each macro means is said where it is dispatched (`portability/`). #}

{% macro duckdb__seconds_between(started_at, ended_at) -%}
    (cast(epoch_us({{ ended_at }}) - epoch_us({{ started_at }}) as double) / 1000000)
{%- endmacro %}

{% macro duckdb__column_type(name) %}
    {{ return('double' if name == 'double' else norte.default__column_type(name)) }}
{% endmacro %}

{% macro duckdb__json_text(column, path) -%}
    json_extract_string({{ column }}, '$.{{ path | join(".") }}')
{%- endmacro %}

{# A whole number would end in '.0'. #}
{% macro duckdb__number_text(column) -%}
    regexp_replace(cast({{ column }} as text), '\.0$', '')
{%- endmacro %}

{% macro duckdb__safe_cast(field, type) -%}
    try_cast({{ field }} as {{ type }})
{%- endmacro %}
