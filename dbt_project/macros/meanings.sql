{# Readings of canonical columns that more than one model needs. #}

{# The day on which a deal is expected to close: CRMs keep it as midnight UTC of the day that a person picked. #}
{% macro expected_close_date(close_at) -%}
    cast({{ close_at }} as date)
{%- endmacro %}

{# Whether a deal renews what a customer already has. #}
{% macro is_renewal(deal_type) -%}
    lower({{ deal_type }}) like '%renewal%'
{%- endmacro %}

{# Whether an e-mail domain is the company's own. #}
{% macro is_own_domain(domain) -%}
    {%- set own = [] -%}
    {%- for name in var('own_email_domains') -%}{%- do own.append("'" ~ name | lower ~ "'") -%}{%- endfor -%}
    {{ 'coalesce(' ~ domain ~ ' in (' ~ own | join(', ') ~ '), false)' if own else '(1 = 0)' }}
{%- endmacro %}
