{#
  What happened to tickets, each on its company's day, with the team that had the ticket then: created, a wait ended,
  a promise kept or missed. What the marts of support performance count, whatever they cut it by.
#}
with

tickets as (
    select * from {{ ref('fct_tickets') }}
),

team_spans as (
    select * from {{ ref('int_support__ticket_team_spans') }}
    where span_number = 1
),

waits as (
    select * from {{ ref('int_support__ticket_waits') }}
    where is_over
),

judged as (
    select * from {{ ref('int_support__waits_judged') }}
    where is_attained is not null
),

work_kinds as (
    select 'agent_work' as event_kind
    union all
    select 'on_hold' as event_kind
),

final as (
    select
        'created' as event_kind,
        tickets.ticket_id,
        tickets.account_id,
        tickets.segment,
        team_spans.team_id,
        tickets.created_on as date_on,
        case when tickets.account_id is not null then 1 else 0 end as of_account,
        0 as of_one_touch,
        0 as of_reopened,
        cast(null as {{ type_double() }}) as calendar_minutes,
        cast(null as {{ type_double() }}) as business_minutes
    from tickets
    left join team_spans on tickets.ticket_id = team_spans.ticket_id

    union all

    -- A ticket that was merged away is answered in another.
    select
        waits.wait_kind as event_kind,
        tickets.ticket_id,
        tickets.account_id,
        tickets.segment,
        waits.team_id,
        {{ to_local_date('waits.counted_at') }} as date_on,
        0 as of_account,
        case when waits.wait_kind = 'full_resolution' and tickets.is_one_touch then 1 else 0 end as of_one_touch,
        case when waits.wait_kind = 'full_resolution' and tickets.reopen_count > 0 then 1 else 0 end as of_reopened,
        waits.calendar_minutes,
        waits.business_minutes
    from waits
    inner join tickets on waits.ticket_id = tickets.ticket_id
    where not tickets.is_merged

    union all

    -- Whose time a solved ticket took, told when it is solved.
    select
        kinds.event_kind,
        tickets.ticket_id,
        tickets.account_id,
        tickets.segment,
        waits.team_id,
        {{ to_local_date('waits.counted_at') }} as date_on,
        0 as of_account,
        0 as of_one_touch,
        0 as of_reopened,
        case when kinds.event_kind = 'agent_work' then tickets.agent_work_minutes else tickets.on_hold_minutes end
            as calendar_minutes,
        cast(null as {{ type_double() }}) as business_minutes
    from waits
    inner join tickets on waits.ticket_id = tickets.ticket_id
    cross join work_kinds as kinds
    where waits.wait_kind = 'full_resolution' and not tickets.is_merged

    union all

    select
        judged.wait_kind || case when judged.is_attained then '_attained' else '_missed' end as event_kind,
        tickets.ticket_id,
        tickets.account_id,
        tickets.segment,
        judged.team_id,
        {{ to_local_date('judged.judged_at') }} as date_on,
        0 as of_account,
        0 as of_one_touch,
        0 as of_reopened,
        cast(null as {{ type_double() }}) as calendar_minutes,
        cast(null as {{ type_double() }}) as business_minutes
    from judged
    inner join tickets on judged.ticket_id = tickets.ticket_id
)

select * from final
