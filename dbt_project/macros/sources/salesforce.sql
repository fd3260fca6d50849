{# The canonical entities that Salesforce maps, and what of its spelling its models share. #}
{% macro salesforce__entities() %}
    {{ return([
        'crm__accounts', 'crm__account_segments', 'crm__deals', 'crm__deal_changes', 'crm__deal_stages',
        'revenue__contracts', 'identity__people', 'insight__feedback',
        'insight__person_names'
    ]) }}
{% endmacro %}

{# The domain of a web address, with or without scheme, 'www.' and path. #}
{% macro website_domain(website) -%}
    nullif(
        {{ dbt.split_part(
            "regexp_replace(lower(trim(" ~ website ~ ")), '^(https?://)?(www[.])?', '')", "'/'", 1
        ) }}, ''
    )
{%- endmacro %}
