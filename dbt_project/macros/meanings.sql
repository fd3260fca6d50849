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

{#
  The name of an organisation reduced to what must be equal: no accents, punctuation, spaces, case or legal form (two
  of them at most: "Ltda ME"). Accents go first, since not every warehouse knows their lower case.
#}
{% macro organization_name_key(name) -%}
    {%- set accented = 'ÁÀÂÃÄÅÉÈÊËÍÌÎÏÓÒÔÕÖØÚÙÛÜÇÑáàâãäåéèêëíìîïóòôõöøúùûüçñ' -%}
    {%- set plain = 'AAAAAAEEEEIIIIOOOOOOUUUUCNaaaaaaeeeeiiiioooooouuuucn' -%}
    {%- set spaced = '-/&+_' -%}
    {%- set dropped = ".,;:!()\"" -%}
    {%- set legal = ' (ltda|me|eireli|epp|inc|incorporated|llc|ltd|limited|plc|corp|corporation|co|company|sa|lda|gmbh|ag|bv|nv|sarl|sas|srl|spa)$' -%}
    {%- set bare -%}
        trim(translate(lower(translate({{ name }}, '{{ accented }}', '{{ plain }}')), '{{ spaced ~ dropped }}', '     '))
    {%- endset -%}
    nullif(replace(regexp_replace(trim(regexp_replace({{ bare }}, '{{ legal }}', '')), '{{ legal }}', ''), ' ', ''), '')
{%- endmacro %}

{# How far a method of matching can be trusted. An order, not a measured chance. #}
{% macro match_confidence(method) -%}
    case
        when {{ method }} in ('governed', 'explicit_id', 'record') then 'certain'
        when {{ method }} in ('domain', 'same_person') then 'high'
        when {{ method }} = 'name_in_country' then 'medium'
    end
{%- endmacro %}

{# The rung of the identity ladder on which a method stands; 1 is asked first. #}
{% macro match_rung(method) -%}
    cast(
        case
            when {{ method }} = 'governed' then 1
            when {{ method }} in ('explicit_id', 'record') then 2
            when {{ method }} in ('domain', 'same_person') then 3
            when {{ method }} = 'name_in_country' then 4
        end as bigint
    )
{%- endmacro %}
