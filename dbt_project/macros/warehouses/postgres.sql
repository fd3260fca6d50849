{#
  What PostgreSQL writes differently; what each macro means is said where it is dispatched (`portability/`), or in dbt
  for those that replace one of dbt's.
#}

{% macro postgres__number_series(last) -%}
    select series.generated_number from generate_series(1, {{ last }}) as series (generated_number)
{%- endmacro %}

{# dbt's asks whether the part is negative, which it cannot where the part is SQL. #}
{% macro postgres__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}

{# dbt's gives a double for everything below the day, and whoever divides by a count expects whole numbers. #}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
    cast({{ dbt.postgres__datediff(first_date, second_date, datepart) }} as bigint)
{%- endmacro %}

{# In parentheses, since `at time zone` binds closer than `+`; whole units, as everywhere else. #}
{% macro postgres__dateadd(datepart, interval, from_date_or_timestamp) -%}
    ({{ from_date_or_timestamp }} + cast({{ interval }} as bigint) * interval '1 {{ datepart }}')
{%- endmacro %}

{# A timestamp's offset counts: PostgreSQL would leave it out without a word. Text that is no number is null. #}
{% macro postgres__safe_cast(field, type) -%}
    {%- if type | lower == 'timestamp' -%}
        cast(cast({{ field }} as timestamp with time zone) at time zone 'UTC' as timestamp)
    {%- elif type | lower in ('double precision', 'bigint') or type | lower | truncate(7, true, '') == 'numeric' -%}
        case when {{ field }} ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$' then cast({{ field }} as {{ type }}) end
    {%- else -%}
        cast({{ field }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{# Without its figures the planner takes a table just made for an empty one. #}
{% macro postgres__after_build() -%}
    {%- if config.get('materialized') != 'view' -%}analyze {{ this }}{%- endif -%}
{%- endmacro %}
