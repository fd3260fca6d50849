{# Lists that came as one text joined by ';'. Where lists matter, the source flattens them; these are the few left. #}

{#
  One row per member of `list` for each row of `relation` where `condition` holds: the columns named, and `member`.
  At most 64 members.
#}
{% macro split_rows(relation, columns, list, condition='1 = 1') -%}
    select
        {%- for column in columns %}
        listed.{{ column }},
        {%- endfor %}
        trim({{ dbt.split_part('listed.' ~ list, "';'", 'cast(positions.generated_number as int)') }}) as member
    from {{ relation }} as listed
    cross join ({{ number_series(64) }}) as positions
    where
        listed.{{ list }} is not null
        and trim({{ dbt.split_part('listed.' ~ list, "';'", 'cast(positions.generated_number as int)') }}) <> ''
        and {{ condition }}
{%- endmacro %}

{# One row (`generated_number`) per whole number from 1 to `last`. #}
{% macro number_series(last) -%}
    {{ adapter.dispatch('number_series', 'norte')(last) }}
{%- endmacro %}

{% macro default__number_series(last) -%}
    {{ dbt.generate_series(last) }}
{%- endmacro %}
