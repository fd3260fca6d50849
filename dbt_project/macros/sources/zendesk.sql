{# The canonical entities that Zendesk maps. #}
{% macro zendesk__entities() %}
    {{ return([
        'support__tickets', 'support__ticket_changes', 'support__ticket_comments', 'support__ticket_ratings',
        'support__ticket_work_items', 'support__ticket_measures', 'identity__people', 'identity__organizations',
        'insight__feedback',
        'insight__person_names'
    ]) }}
{% endmacro %}
