{#
  What support's work is measured by, whatever it is cut by: the marts of support performance group
  `int_support__ticket_events` and choose from the sums.
#}
{% macro support_wait_kinds() -%}
    {{ return(['first_reply', 'next_reply', 'first_resolution', 'full_resolution', 'requester_wait']) }}
{%- endmacro %}

{% macro support_promised_kinds() -%}
    {{ return(['first_reply', 'next_reply', 'full_resolution']) }}
{%- endmacro %}

{# What of a solved ticket's time was whose; in calendar time only. #}
{% macro support_work_kinds() -%}
    {{ return(['agent_work', 'on_hold']) }}
{%- endmacro %}

{# The sums of a group of events, as columns of its select. #}
{% macro support_sums() -%}
    {%- set column_units = {'calendar': '', 'business': '_business'} -%}
    sum(case when event_kind = 'created' then 1 else 0 end) as created_ticket_count,
    sum(of_account) as account_ticket_count,
    sum(of_one_touch) as one_touch_ticket_count,
    sum(of_reopened) as reopened_ticket_count
    {%- for kind in support_work_kinds() %}
    {%- for share in [50, 85] %},
    {{ percentile("case when event_kind = '" ~ kind ~ "' then calendar_minutes end", share / 100) }}
        as {{ kind }}_minutes_p{{ share }}
    {%- endfor %}
    {%- endfor %}
    {%- for kind in support_promised_kinds() %},
    sum(case when event_kind in ('{{ kind }}_attained', '{{ kind }}_missed') then 1 else 0 end)
        as {{ kind }}_judged_count,
    sum(case when event_kind = '{{ kind }}_attained' then 1 else 0 end) as {{ kind }}_attained_count
    {%- endfor %}
    {%- for kind in support_wait_kinds() %},
    sum(case when event_kind = '{{ kind }}' then 1 else 0 end) as {{ kind }}_count
    {%- for unit, infix in column_units.items() %}
    {%- for share in [50, 85] %},
    {{ percentile('case when event_kind = ' ~ "'" ~ kind ~ "' then " ~ unit ~ '_minutes end', share / 100) }}
        as {{ kind }}{{ infix }}_minutes_p{{ share }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{# The columns of a mart that the sums give: zero where nothing happened, null where there is nothing to measure. #}
{% macro support_columns(sums) -%}
    cast(coalesce({{ sums }}.created_ticket_count, 0) as bigint) as created_ticket_count
    {%- for kind in support_wait_kinds() %},
    cast(coalesce({{ sums }}.{{ kind }}_count, 0) as bigint) as {{ kind }}_count
    {%- for infix in ['', '_business'] %}
    {%- for share in [50, 85] %},
    {{ sums }}.{{ kind }}{{ infix }}_minutes_p{{ share }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %},
    cast(coalesce({{ sums }}.one_touch_ticket_count, 0) as bigint) as one_touch_ticket_count,
    {{ ratio(sums ~ '.one_touch_ticket_count', sums ~ '.full_resolution_count') }} as one_touch_ratio,
    cast(coalesce({{ sums }}.reopened_ticket_count, 0) as bigint) as reopened_ticket_count,
    {{ ratio(sums ~ '.reopened_ticket_count', sums ~ '.full_resolution_count') }} as reopened_ratio
    {%- for kind in support_work_kinds() %}
    {%- for share in [50, 85] %},
    {{ sums }}.{{ kind }}_minutes_p{{ share }}
    {%- endfor %}
    {%- endfor %}
    {%- for kind in support_promised_kinds() %},
    cast(coalesce({{ sums }}.{{ kind }}_judged_count, 0) as bigint) as {{ kind }}_judged_count,
    cast(coalesce({{ sums }}.{{ kind }}_attained_count, 0) as bigint) as {{ kind }}_attained_count,
    {{ ratio(sums ~ '.' ~ kind ~ '_attained_count', sums ~ '.' ~ kind ~ '_judged_count') }}
        as {{ kind }}_attainment_ratio
    {%- endfor %}
{%- endmacro %}
