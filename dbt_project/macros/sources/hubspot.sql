{# The canonical entities that HubSpot maps. #}
{% macro hubspot__entities() %}
    {{ return([
        'crm__accounts', 'crm__account_segments', 'crm__deals', 'crm__deal_changes', 'crm__deal_stages',
        'revenue__contracts', 'identity__people', 'insight__feedback',
        'insight__person_names'
    ]) }}
{% endmacro %}
