{# Time: the one `now`, the company's days, and the spine of days. Past staging all timestamps are naive UTC. #}

{# The run's now as a naive UTC timestamp: var `now`, else NORTE_NOW, else the moment dbt started. #}
{% macro now_utc() -%}
    {%- if execute -%}
        {%- set given = var('now', none) or env_var('NORTE_NOW', '') -%}
        {%- if given -%}
            {%- set moment = modules.datetime.datetime.fromisoformat(given | replace('Z', '+00:00')) -%}
            {%- if moment.tzinfo -%}{%- set moment = moment.astimezone(modules.pytz.utc) -%}{%- endif -%}
        {%- else -%}
            {%- set moment = run_started_at -%}
        {%- endif -%}
        cast('{{ moment.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
    {%- else -%}
        cast(null as timestamp)
    {%- endif -%}
{%- endmacro %}

{# Today in the company's time zone. #}
{% macro today() -%}
    {{ to_local_date(now_utc()) }}
{%- endmacro %}

{# The company's time zone as a SQL literal. #}
{% macro company_time_zone() -%}
    '{{ var("company_time_zone") }}'
{%- endmacro %}

{# A naive UTC timestamp as wall clock in a time zone: SQL, a literal or a column (default: the company's). #}
{% macro to_local(timestamp, time_zone=none) -%}
    {{ adapter.dispatch('to_local', 'norte')(timestamp, time_zone or company_time_zone()) }}
{%- endmacro %}

{% macro default__to_local(timestamp, time_zone) -%}
    ({{ timestamp }} at time zone 'UTC' at time zone {{ time_zone }})
{%- endmacro %}

{# A wall clock of a time zone (SQL; default: the company's) as naive UTC. #}
{% macro from_local(timestamp, time_zone=none) -%}
    {{ adapter.dispatch('from_local', 'norte')(timestamp, time_zone or company_time_zone()) }}
{%- endmacro %}

{% macro default__from_local(timestamp, time_zone) -%}
    ({{ timestamp }} at time zone {{ time_zone }} at time zone 'UTC')
{%- endmacro %}

{# The company's day on which a naive UTC timestamp falls. #}
{% macro to_local_date(timestamp, time_zone=none) -%}
    cast({{ to_local(timestamp, time_zone) }} as date)
{%- endmacro %}

{# `count` days after a date, as a date (dateadd alone gives a timestamp on some warehouses). #}
{% macro add_days(date_on, count) -%}
    cast({{ dbt.dateadd('day', count, date_on) }} as date)
{%- endmacro %}

{% macro add_months(date_on, count) -%}
    cast({{ dbt.dateadd('month', count, date_on) }} as date)
{%- endmacro %}

{# The first day of the week (Monday), month, quarter or year of a date. #}
{% macro start_of(part, date_on) -%}
    cast({{ dbt.date_trunc(part, 'cast(' ~ date_on ~ ' as timestamp)') }} as date)
{%- endmacro %}

{# 1 = Monday ... 7 = Sunday. 1900-01-01 was a Monday; extract(dow) counts differently on each warehouse. #}
{% macro day_of_week(date_on) -%}
    (mod({{ dbt.datediff("cast('1900-01-01' as date)", date_on, 'day') }}, 7) + 1)
{%- endmacro %}

{# Seconds between two timestamps, exact below the second. #}
{% macro seconds_between(started_at, ended_at) -%}
    {{ adapter.dispatch('seconds_between', 'norte')(started_at, ended_at) }}
{%- endmacro %}

{% macro default__seconds_between(started_at, ended_at) -%}
    cast(extract(epoch from {{ ended_at }} - {{ started_at }}) as {{ type_double() }})
{%- endmacro %}

{#
  One row (`date_on`) per day from `first` to `last`, both SQL dates, both included. The series itself is of a fixed
  length, counted back from the end of the year after now, since no warehouse takes data as a series' bound alike.
#}
{% macro date_spine(first, last) -%}
    select spine_days.date_on
    from (
        select {{ add_days(spine_end(), 'cast(-(spine.generated_number - 1) as int)') }} as date_on
        from ({{ number_series(16384) }}) as spine
    ) as spine_days
    where spine_days.date_on >= {{ first }} and spine_days.date_on <= {{ last }}
{%- endmacro %}

{# The last day that any spine can reach: December 31st of the year after now. #}
{% macro spine_end() -%}
    {{ add_days(add_months(start_of('year', today()), 24), -1) }}
{%- endmacro %}

{# A timestamp with a zone, or one whose session is UTC, as naive UTC. #}
{% macro to_utc(timestamp) -%}
    {{ adapter.dispatch('to_utc', 'norte')(timestamp) }}
{%- endmacro %}

{% macro default__to_utc(timestamp) -%}
    (cast({{ timestamp }} as timestamp with time zone) at time zone 'UTC')
{%- endmacro %}
