{#
  One canonical entity over the enabled sources that have it. Each source says in macros/sources/<source>.sql which
  entities it maps (`<source>__entities`), and has for each a model `int_<domain>__<entity>_mapped_<source>` with
  exactly the columns given here: adding a vendor edits no file of another. Over no source: typed empty rows.

  `entity`: '<domain>__<entity>'; `columns`: {name: type}.
#}
{% macro union_sources(entity, columns) -%}
    {%- set sources = [] -%}
    {%- for source_name in var('sources_enabled') -%}
        {%- set entities = context.get(source_name ~ '__entities') -%}
        {%- if entities and entity in entities() -%}{%- do sources.append(source_name) -%}{%- endif -%}
    {%- endfor -%}
    {%- for source_name in sources %}
    select
        cast('{{ source_name }}' as {{ type_text() }}) as source_name,
        {%- for name, type in columns.items() %}
        cast({{ name }} as {{ column_type(type) }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref('int_' ~ entity ~ '_mapped_' ~ source_name) }}
    {% if not loop.last %}union all{% endif %}
    {%- else %}
    {{ typed_empty(dict({'source_name': 'text'}, **columns)) }}
    {%- endfor %}
{%- endmacro %}
