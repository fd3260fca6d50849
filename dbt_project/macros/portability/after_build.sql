{# What a warehouse needs done to a table that was just built; nothing, unless it says so. #}
{% macro after_build() -%}
    {{ adapter.dispatch('after_build', 'norte')() }}
{%- endmacro %}

{% macro default__after_build() %}{% endmacro %}
