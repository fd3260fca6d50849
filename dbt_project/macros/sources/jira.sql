{# The canonical entities that Jira maps. #}
{% macro jira__entities() %}
    {{ return(['identity__people']) }}
{% endmacro %}
