{#
  Contracts are written once, in the spelling of `column_type`'s names; where dbt turns them into SQL they take the
  warehouse's own. Both macros are dbt's, with the types put in.
#}

{# The contract's columns with the types that this warehouse knows them by. #}
{% macro contracted_columns(columns) -%}
    {%- set names = {'numeric(28,6)': 'numeric'} -%}
    {%- set spelled = {} -%}
    {%- for key, column in columns.items() -%}
        {%- set type = column.get('data_type') -%}
        {%- if type -%}
            {%- do spelled.update({key: dict(column, data_type=column_type(names.get(type, type)))}) -%}
        {%- else -%}
            {%- do spelled.update({key: column}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(spelled) }}
{%- endmacro %}

{% macro default__get_empty_schema_sql(columns) -%}
    {{ dbt.default__get_empty_schema_sql(contracted_columns(columns)) }}
{%- endmacro %}

{% macro default__get_table_columns_and_constraints() -%}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=contracted_columns(model['columns'])) -%}
    {%- set constraints = adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
    ({{ (columns + constraints) | join(',\n') }})
{%- endmacro %}
