{# The canonical entities that Amplitude maps. #}
{% macro amplitude__entities() %}
    {{ return(['analytics__events', 'identity__people']) }}
{% endmacro %}
