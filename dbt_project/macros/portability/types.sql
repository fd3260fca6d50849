{# The six types of the contracts, in the spelling of each warehouse. #}

{% macro column_type(name) -%}
    {{ return(adapter.dispatch('column_type', 'norte')(name)) }}
{%- endmacro %}

{% macro default__column_type(name) %}
    {%- set spellings = {
        'text': 'text', 'bigint': 'bigint', 'double': 'double precision', 'numeric': 'numeric(28,6)',
        'boolean': 'boolean', 'date': 'date', 'timestamp': 'timestamp'
    } -%}
    {%- if name not in spellings -%}
        {{ exceptions.raise_compiler_error("Expected one of " ~ spellings.keys() | join(', ') ~ ", got '" ~ name ~ "'.") }}
    {%- endif -%}
    {{ return(spellings[name]) }}
{% endmacro %}

{% macro type_text() %}{{ return(column_type('text')) }}{% endmacro %}
{% macro type_double() %}{{ return(column_type('double')) }}{% endmacro %}

{# Money, people and ratios: the one exact type, spelled out because a bare numeric differs between warehouses. #}
{% macro type_amount() %}{{ return(column_type('numeric')) }}{% endmacro %}

{# No rows, with the names and types of `columns` ({name: type}). #}
{% macro typed_empty(columns) -%}
    select
        {%- for name, type in columns.items() %}
        cast(null as {{ column_type(type) }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    where 1 = 0
{%- endmacro %}
