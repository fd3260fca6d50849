{# The canonical entities that Jira maps, and what of Jira's spelling its mappings share. #}
{% macro jira__entities() %}
    {{ return([
        'identity__people', 'delivery__work_items', 'delivery__work_item_changes', 'delivery__statuses',
        'delivery__sprints', 'delivery__releases', 'delivery__work_item_releases'
    ]) }}
{% endmacro %}

{# A changelog's list of ids ('12, 13') as ids past staging ('jira:12,jira:13'); an empty list is null. #}
{% macro jira_id_list(column) -%}
    _instance || ':' || replace(nullif(replace({{ column }}, ' ', ''), ''), ',', ',' || _instance || ':')
{%- endmacro %}

{# The key of a Jira user, null where there is none: of the e-mail address, else of the id. #}
{% macro jira_person_key(email_key, user_id) -%}
    case
        when {{ user_id }} is not null then coalesce({{ email_key }}, {{ hashed_id([user_id]) }})
    end
{%- endmacro %}
