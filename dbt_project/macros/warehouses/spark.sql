{# What Spark writes differently; what each macro means is said where it is dispatched (`portability/`). #}

{% macro spark__to_local(timestamp, time_zone) -%}
    from_utc_timestamp({{ timestamp }}, {{ time_zone }})
{%- endmacro %}

{% macro spark__from_local(timestamp, time_zone) -%}
    to_utc_timestamp({{ timestamp }}, {{ time_zone }})
{%- endmacro %}

{% macro spark__seconds_between(started_at, ended_at) -%}
    (cast(unix_micros({{ ended_at }}) - unix_micros({{ started_at }}) as double) / 1000000)
{%- endmacro %}

{% macro spark__to_utc(timestamp) -%}
    cast({{ timestamp }} as timestamp)
{%- endmacro %}

{% macro spark__column_type(name) %}
    {{ return({'double': 'double', 'text': 'string'}.get(name) or norte.default__column_type(name)) }}
{% endmacro %}

{% macro spark__json_text(column, path) -%}
    get_json_object({{ column }}, '$.{{ path | join(".") }}')
{%- endmacro %}

{% macro spark__text_of_html(column) -%}
    trim(both ' \n\r\t' from {{ without_entities(
        "regexp_replace(regexp_replace(" ~ column ~ ", '(?i)<(br|/p|/div|/li|/tr|/h[1-6])[^>]*>', char(10)), "
        ~ "'<[^>]*>', '')"
    ) }})
{%- endmacro %}

{% macro spark__joined_values(column, separator) -%}
    nullif(concat_ws('{{ separator }}', sort_array(collect_list({{ column }}))), '')
{%- endmacro %}
