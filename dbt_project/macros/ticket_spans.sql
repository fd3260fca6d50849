{#
  Which value of a field each ticket had, when: one row per ticket and span, the first from its creation, the last to the
  end of days. `tickets` (with the field's value of now in a column of its name) and `changes` are CTEs.
#}
{% macro ticket_field_spans(tickets, changes, field_name) -%}
    select
        moments.ticket_id,
        moments.source_name,
        row_number() over (partition by moments.ticket_id order by moments.change_number) as span_number,
        moments.field_value,
        moments.started_at,
        coalesce(
            lead(moments.started_at) over (partition by moments.ticket_id order by moments.change_number),
            cast('2999-01-01' as timestamp)
        ) as ended_at
    from (
        -- Given with the creation, or later in place of what it was before, which may be nothing.
        select
            {{ tickets }}.ticket_id,
            {{ tickets }}.source_name,
            case
                when moves.ticket_id is null then {{ tickets }}.{{ field_name }}
                when moves.is_creation then moves.to_value
                else moves.from_value
            end as field_value,
            {{ tickets }}.created_at as started_at,
            0 as change_number
        from {{ tickets }}
        left join ({{ ticket_field_moves(tickets, changes, field_name) }}) as moves
            on {{ tickets }}.ticket_id = moves.ticket_id and moves.change_number = 1

        union all

        select
            moves.ticket_id,
            moves.source_name,
            moves.to_value as field_value,
            moves.changed_at as started_at,
            moves.change_number
        from ({{ ticket_field_moves(tickets, changes, field_name) }}) as moves
        where not moves.is_creation
    ) as moments
{%- endmacro %}

{% macro ticket_field_moves(tickets, changes, field_name) -%}
    select
        {{ tickets }}.ticket_id,
        {{ tickets }}.source_name,
        {{ changes }}.from_value,
        {{ changes }}.to_value,
        {{ changes }}.changed_at,
        {{ changes }}.from_value is null and {{ changes }}.changed_at <= {{ tickets }}.created_at as is_creation,
        row_number() over (
            partition by {{ tickets }}.ticket_id
            order by
                {{ changes }}.changed_at,
                case when {{ changes }}.from_value is null then 0 else 1 end,
                {{ changes }}.change_id
        ) as change_number
    from {{ tickets }}
    inner join {{ changes }} on {{ tickets }}.ticket_id = {{ changes }}.ticket_id
    where {{ changes }}.field_name = '{{ field_name }}'
{%- endmacro %}
