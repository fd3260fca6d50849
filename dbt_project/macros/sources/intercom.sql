{# The canonical entities that Intercom maps, and what of Intercom's spelling its mappings share. #}
{% macro intercom__entities() %}
    {{ return([
        'support__tickets', 'support__ticket_changes', 'support__ticket_comments', 'support__ticket_ratings',
        'support__ticket_work_items', 'support__ticket_measures', 'identity__people', 'identity__organizations',
        'insight__feedback'
    ]) }}
{% endmacro %}

{# A state as a ticket's status. Nothing is on hold here: who waits for a third party leaves it open. #}
{% macro intercom_status(state) -%}
    case {{ state }} when 'open' then 'open' when 'snoozed' then 'pending' when 'closed' then 'solved' end
{%- endmacro %}

{# Of one to five stars: four and five are satisfied, one and two are not, three is neither. #}
{% macro intercom_satisfaction(rating) -%}
    case when {{ rating }} >= 4 then 'good' when {{ rating }} <= 2 then 'bad' end
{%- endmacro %}
