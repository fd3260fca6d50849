{# Business time: how the rows of `int_support__business_windows` are read. #}

{#
  One row per calendar and moment of `moments` (`calendar_id`, `moment_at`), with the seconds of opening from the
  beginning of the calendar to it (`open_seconds`). Both arguments are CTEs; `windows` holds the calendars' windows.
#}
{% macro open_seconds_until(moments, windows) -%}
    select
        local_moments.calendar_id,
        local_moments.moment_at,
        min({{ windows }}.seconds_before) + sum(
            case
                when local_moments.moment_at <= {{ windows }}.starts_at then 0
                when local_moments.moment_at >= {{ windows }}.ends_at then {{ windows }}.duration_seconds
                else cast(
                    {{ seconds_between(windows ~ '.starts_at', 'local_moments.moment_at') }} as {{ type_amount() }}
                )
            end
        ) as open_seconds
    from (
        select
            {{ moments }}.calendar_id,
            {{ moments }}.moment_at,
            {{ to_local_date(moments ~ '.moment_at', 'zones.time_zone') }} as date_on
        from {{ moments }}
        inner join (select distinct calendar_id, time_zone from {{ windows }}) as zones
            on {{ moments }}.calendar_id = zones.calendar_id
    ) as local_moments
    inner join {{ windows }}
        on local_moments.calendar_id = {{ windows }}.calendar_id and local_moments.date_on = {{ windows }}.date_on
    group by local_moments.calendar_id, local_moments.moment_at
{%- endmacro %}
