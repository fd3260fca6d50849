{% set wait_kinds = ['first_reply', 'next_reply', 'first_resolution', 'full_resolution', 'requester_wait'] %}
{% set promised_kinds = ['first_reply', 'next_reply', 'full_resolution'] %}
{% set measured_units = ['calendar', 'business'] %}
{% set column_units = {'calendar': '', 'business': '_business'} %}
with

tickets as (
    select
        tickets.ticket_id,
        tickets.account_id,
        tickets.segment,
        tickets.created_at,
        tickets.is_merged,
        tickets.is_one_touch,
        {{ to_local_date('tickets.created_at') }} as created_on
    from {{ ref('fct_tickets') }} as tickets
),

team_spans as (
    select * from {{ ref('int_support__ticket_team_spans') }}
),

status_spans as (
    select
        spans.ticket_id,
        spans.started_at,
        coalesce(spans.ended_at, cast('2999-01-01' as timestamp)) as ended_at
    from {{ ref('int_support__ticket_status_spans') }} as spans
    where not spans.is_resolved
),

waits as (
    select
        waits.ticket_id,
        waits.wait_kind,
        waits.team_id,
        waits.calendar_minutes,
        waits.business_minutes,
        {{ to_local_date('waits.counted_at') }} as counted_on
    from {{ ref('int_support__ticket_waits') }} as waits
    where waits.is_over
),

judged as (
    select
        judged.ticket_id,
        judged.wait_kind,
        judged.team_id,
        judged.is_attained,
        {{ to_local_date('judged.judged_at') }} as judged_on
    from {{ ref('int_support__waits_judged') }} as judged
    where judged.is_attained is not null
),

active as (
    select
        date_on,
        segment,
        active_account_28d_count
    from {{ ref('mart_metric__active_daily') }}
),

days as (
    {{ date_spine('(select min(tickets.created_on) from tickets)', today()) }}
),

periods as (
    select
        'day' as period_unit,
        date_on as starts_on,
        date_on as ends_on
    from days
    union all
    -- The current week ends today, so far.
    select
        'week' as period_unit,
        {{ start_of('week', 'date_on') }} as starts_on,
        max(date_on) as ends_on
    from days
    group by {{ start_of('week', 'date_on') }}
),

segment_names as (
    select distinct segment from {{ ref('int_crm__account_segment_spans') }}
    union all
    select 'all' as segment
),

team_names as (
    select distinct team_id from team_spans where team_id is not null
    union all
    select 'all' as team_id
),

cells as (
    select
        periods.period_unit,
        periods.starts_on,
        periods.ends_on,
        team_names.team_id,
        segment_names.segment
    from periods
    cross join team_names
    cross join segment_names
),

-- What happened on a day, in one list: tickets created, waits that ended.
happenings as (
    select
        'created' as wait_kind,
        tickets.ticket_id,
        tickets.segment,
        team_spans.team_id,
        tickets.created_on as date_on,
        case when tickets.account_id is not null then 1 else 0 end as of_account,
        0 as of_one_touch,
        cast(null as {{ type_double() }}) as calendar_minutes,
        cast(null as {{ type_double() }}) as business_minutes
    from tickets
    left join team_spans on tickets.ticket_id = team_spans.ticket_id and team_spans.span_number = 1

    union all

    -- A ticket that was merged away is answered in another.
    select
        waits.wait_kind,
        tickets.ticket_id,
        tickets.segment,
        waits.team_id,
        waits.counted_on as date_on,
        0 as of_account,
        case when waits.wait_kind = 'full_resolution' and tickets.is_one_touch then 1 else 0 end as of_one_touch,
        waits.calendar_minutes,
        waits.business_minutes
    from waits
    inner join tickets on waits.ticket_id = tickets.ticket_id
    where not tickets.is_merged

    union all

    select
        judged.wait_kind || case when judged.is_attained then '_attained' else '_missed' end as wait_kind,
        tickets.ticket_id,
        tickets.segment,
        judged.team_id,
        judged.judged_on as date_on,
        0 as of_account,
        0 as of_one_touch,
        cast(null as {{ type_double() }}) as calendar_minutes,
        cast(null as {{ type_double() }}) as business_minutes
    from judged
    inner join tickets on judged.ticket_id = tickets.ticket_id
),

-- Each in its team and in all, in its segment and in all, on its day and in its week.
happenings_by_team as (
    select * from happenings where team_id is not null
    union all
    select
        wait_kind,
        ticket_id,
        segment,
        'all' as team_id,
        date_on,
        of_account,
        of_one_touch,
        calendar_minutes,
        business_minutes
    from happenings
),

happenings_by_segment as (
    select * from happenings_by_team where segment is not null
    union all
    select
        wait_kind,
        ticket_id,
        'all' as segment,
        team_id,
        date_on,
        of_account,
        of_one_touch,
        calendar_minutes,
        business_minutes
    from happenings_by_team
),

happenings_by_period as (
    {%- for period_unit in ['day', 'week'] %}
    select
        '{{ period_unit }}' as period_unit,
        {{ 'date_on' if period_unit == 'day' else start_of('week', 'date_on') }} as starts_on,
        team_id,
        segment,
        wait_kind,
        of_account,
        of_one_touch,
        calendar_minutes,
        business_minutes
    from happenings_by_segment
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

counted as (
    select
        period_unit,
        starts_on,
        team_id,
        segment,
        sum(case when wait_kind = 'created' then 1 else 0 end) as created_ticket_count,
        sum(of_account) as account_ticket_count,
        sum(of_one_touch) as one_touch_ticket_count,
        {%- for kind in promised_kinds %}
        sum(case when wait_kind in ('{{ kind }}_attained', '{{ kind }}_missed') then 1 else 0 end)
            as {{ kind }}_judged_count,
        sum(case when wait_kind = '{{ kind }}_attained' then 1 else 0 end) as {{ kind }}_attained_count,
        {%- endfor %}
        {%- for kind in wait_kinds %}
        sum(case when wait_kind = '{{ kind }}' then 1 else 0 end) as {{ kind }}_count,
        {%- for unit in measured_units %}
        {%- for share in [50, 85] %}
        {{ percentile('case when wait_kind = ' ~ "'" ~ kind ~ "' then " ~ unit ~ '_minutes end', share / 100) }}
            as {{ kind }}{{ column_units[unit] }}_minutes_p{{ share }}
        {{- "," if not (loop.last and unit == 'business' and kind == 'requester_wait') }}
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
    from happenings_by_period
    group by period_unit, starts_on, team_id, segment
),

-- A ticket is in a team's backlog from when it is open and there, until it is solved or moves on.
open_stretches as (
    select
        status_spans.ticket_id,
        tickets.segment,
        'all' as team_id,
        status_spans.started_at,
        status_spans.ended_at
    from status_spans
    inner join tickets on status_spans.ticket_id = tickets.ticket_id

    union all

    select
        status_spans.ticket_id,
        tickets.segment,
        team_spans.team_id,
        case
            when status_spans.started_at > team_spans.started_at then status_spans.started_at
            else team_spans.started_at
        end as started_at,
        case
            when status_spans.ended_at < team_spans.ended_at then status_spans.ended_at
            else team_spans.ended_at
        end as ended_at
    from status_spans
    inner join tickets on status_spans.ticket_id = tickets.ticket_id
    inner join team_spans
        on
            status_spans.ticket_id = team_spans.ticket_id
            and status_spans.started_at < team_spans.ended_at
            and status_spans.ended_at > team_spans.started_at
    where team_spans.team_id is not null
),

backlog_steps as (
    select segment, team_id, {{ to_local_date('started_at') }} as date_on, 1 as step
    from open_stretches
    union all
    select segment, team_id, {{ to_local_date('ended_at') }} as date_on, -1 as step
    from open_stretches
    where ended_at <= {{ now_utc() }}
),

backlog_steps_by_segment as (
    select segment, team_id, date_on, step
    from backlog_steps
    where segment is not null
    union all
    select 'all' as segment, team_id, date_on, step
    from backlog_steps
),

backlog_changes as (
    select
        segment,
        team_id,
        date_on,
        sum(step) as change
    from backlog_steps_by_segment
    group by segment, team_id, date_on
),

backlog as (
    select
        cells.starts_on as date_on,
        cells.team_id,
        cells.segment,
        sum(coalesce(backlog_changes.change, 0)) over (
            partition by cells.team_id, cells.segment order by cells.starts_on
        ) as ticket_count
    from cells
    left join backlog_changes
        on
            cells.starts_on = backlog_changes.date_on
            and cells.team_id = backlog_changes.team_id
            and cells.segment = backlog_changes.segment
    where cells.period_unit = 'day'
),

final as (
    select
        cells.period_unit,
        cells.starts_on,
        cells.team_id,
        cells.segment,
        cast(coalesce(counted.created_ticket_count, 0) as bigint) as created_ticket_count,
        {%- for kind in wait_kinds %}
        cast(coalesce(counted.{{ kind }}_count, 0) as bigint) as {{ kind }}_count,
        {%- for unit in measured_units %}
        {%- for share in [50, 85] %}
        counted.{{ kind }}{{ column_units[unit] }}_minutes_p{{ share }},
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
        cast(coalesce(counted.one_touch_ticket_count, 0) as bigint) as one_touch_ticket_count,
        {{ ratio('counted.one_touch_ticket_count', 'counted.full_resolution_count') }} as one_touch_ratio,
        {%- for kind in promised_kinds %}
        cast(coalesce(counted.{{ kind }}_judged_count, 0) as bigint) as {{ kind }}_judged_count,
        cast(coalesce(counted.{{ kind }}_attained_count, 0) as bigint) as {{ kind }}_attained_count,
        {{ ratio('counted.' ~ kind ~ '_attained_count', 'counted.' ~ kind ~ '_judged_count') }}
            as {{ kind }}_attainment_ratio,
        {%- endfor %}
        cast(backlog.ticket_count as bigint) as backlog_ticket_count,
        cast(coalesce(counted.account_ticket_count, 0) as bigint) as account_ticket_count,
        active.active_account_28d_count as active_account_count,
        {{ ratio('coalesce(counted.account_ticket_count, 0)', 'active.active_account_28d_count') }} as contact_ratio,
        case
            when cells.period_unit = 'day' then cells.starts_on < {{ today() }}
            else {{ add_days('cells.starts_on', 7) }} <= {{ today() }}
        end as is_complete
    from cells
    left join counted
        on
            cells.period_unit = counted.period_unit
            and cells.starts_on = counted.starts_on
            and cells.team_id = counted.team_id
            and cells.segment = counted.segment
    inner join backlog
        on
            cells.ends_on = backlog.date_on
            and cells.team_id = backlog.team_id
            and cells.segment = backlog.segment
    left join active on cells.ends_on = active.date_on and cells.segment = active.segment
)

select * from final
