{# The canonical entities that Mixpanel maps. #}
{% macro mixpanel__entities() %}
    {{ return(['analytics__events', 'identity__people']) }}
{% endmacro %}
