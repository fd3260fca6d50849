{# What each warehouse writes differently about text, JSON and aggregates. #}

{# The text at a path of a JSON column; `path` is a list of keys. #}
{% macro json_text(column, path) -%}
    {{ adapter.dispatch('json_text', 'norte')(column, [path] if path is string else path) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    (cast({{ column }} as json) #>> '{{ "{" ~ path | join(",") ~ "}" }}')
{%- endmacro %}

{# The interpolated percentile of a group, 0-1. #}
{% macro percentile(column, fraction) -%}
    percentile_cont({{ fraction }}) within group (order by {{ column }})
{%- endmacro %}

{# The md5 of values joined by '|', as hexadecimal text. A null counts as empty. #}
{% macro hashed_id(columns) -%}
    md5(
        {%- for column in columns %}
        coalesce(cast({{ column }} as {{ type_text() }}), ''){{ " || '|' ||" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# Values of a group as one text joined by the separator in alphabetical order; nulls are left out. #}
{% macro joined_values(column, separator=', ') -%}
    {{ adapter.dispatch('joined_values', 'norte')(column, separator) }}
{%- endmacro %}

{% macro default__joined_values(column, separator) -%}
    string_agg({{ column }}, '{{ separator }}' order by {{ column }})
{%- endmacro %}

{# Whether a text joined by ';' holds the value. #}
{% macro list_contains_value(list, value) -%}
    (';' || coalesce({{ list }}, '') || ';' like '%;' || {{ value }} || ';%')
{%- endmacro %}

{#
  The words of a text that its vendor keeps as HTML: a new line where a block ends, no tags, entities as what they
  stand for, no space around it. Only for fields that are HTML by their vendor's word: elsewhere `<` is what was written.
#}
{% macro text_of_html(column) -%}
    {{ adapter.dispatch('text_of_html', 'norte')(column) }}
{%- endmacro %}

{% macro default__text_of_html(column) -%}
    regexp_replace(
        {{ without_entities(
            "regexp_replace(regexp_replace(" ~ column ~ ", '<(br|/p|/div|/li|/tr|/h[1-6])[^>]*>', chr(10), 'gi'), "
            ~ "'<[^>]*>', '', 'g')"
        ) }},
        '^\s+|\s+$', '', 'g'
    )
{%- endmacro %}

{# The entities of HTML's own characters, and the space that does not break; the ampersand last: nothing is read twice. #}
{% macro without_entities(column) -%}
    {%- set found = namespace(text=column) -%}
    {%- for entity, character in [
        ('&nbsp;', ' '), ('&lt;', '<'), ('&gt;', '>'), ('&quot;', '"'), ('&#39;', "''"), ('&#x27;', "''"), ('&amp;', '&')
    ] -%}
        {%- set found.text = "replace(" ~ found.text ~ ", '" ~ entity ~ "', '" ~ character ~ "')" -%}
    {%- endfor -%}
    {{ found.text }}
{%- endmacro %}

{# The domain of an e-mail address, lower case. #}
{% macro email_domain(email) -%}
    nullif(lower(trim({{ dbt.split_part(email, "'@'", 2) }})), '')
{%- endmacro %}

{# A ratio that is null where its denominator is zero or null. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as {{ type_double() }}) / nullif(cast({{ denominator }} as {{ type_double() }}), 0))
{%- endmacro %}

{# A sum of fractions rounded to a billionth, so that the order of adding does not show in it. #}
{% macro stable_sum(column) -%}
    cast(cast(sum({{ column }}) as numeric(38,9)) as {{ type_double() }})
{%- endmacro %}

{# A number as text the way people write it: '5', '2.5'. #}
{% macro number_text(column) -%}
    {{ adapter.dispatch('number_text', 'norte')(column) }}
{%- endmacro %}

{% macro default__number_text(column) -%}
    cast({{ column }} as {{ type_text() }})
{%- endmacro %}
