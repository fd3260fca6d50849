{# The canonical entities that Tally maps. #}
{% macro tally__entities() %}
    {{ return(['analytics__events']) }}
{% endmacro %}
