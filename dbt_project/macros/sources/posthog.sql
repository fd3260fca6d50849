{# The canonical entities that PostHog maps. #}
{% macro posthog__entities() %}
    {{ return(['analytics__events', 'identity__people']) }}
{% endmacro %}
