{#
  Dense: every week and month from the first ticket to today, for every theme that counts, for all tickets ('all') and
  for those without a theme ('unthemed'). A ticket of two themes counts for both, and once in 'all'.
#}
with

events as (
    select * from {{ ref('int_support__ticket_events') }}
),

backlog_steps as (
    select * from {{ ref('int_support__backlog_steps') }}
    where team_id = 'all'
),

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

active as (
    select * from {{ ref('mart_metric__active_daily') }}
),

themed as (
    select distinct
        tickets.ticket_id,
        feedback_themes.theme_id
    from {{ ref('fct_feedback_themes') }} as feedback_themes
    inner join {{ ref('fct_feedback') }} as feedback on feedback_themes.feedback_id = feedback.feedback_id
    inner join tickets
        on
            feedback.object_type = 'ticket'
            and feedback.instance = tickets.instance
            and feedback.object_id = tickets.vendor_ticket_id
),

ticket_themes as (
    select
        ticket_id,
        theme_id
    from themed
    union all
    select
        ticket_id,
        'all' as theme_id
    from tickets
    union all
    select
        tickets.ticket_id,
        'unthemed' as theme_id
    from tickets
    left join themed on tickets.ticket_id = themed.ticket_id
    where themed.ticket_id is null
),

days as (
    {{ date_spine('(select min(events.date_on) from events)', today()) }}
),

-- The current week and month end today, so far.
periods as (
    {%- for period_unit in ['week', 'month'] %}
    select
        '{{ period_unit }}' as period_unit,
        {{ start_of(period_unit, 'date_on') }} as starts_on,
        max(date_on) as ends_on
    from days
    group by {{ start_of(period_unit, 'date_on') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

subjects as (
    select theme_id
    from {{ ref('dim_themes') }}
    where is_counted
    union all
    select 'all' as theme_id
    union all
    select 'unthemed' as theme_id
),

segment_names as (
    select distinct segment from {{ ref('int_crm__account_segment_spans') }}
    union all
    select 'all' as segment
),

cells as (
    select
        periods.period_unit,
        periods.starts_on,
        periods.ends_on,
        subjects.theme_id,
        segment_names.segment
    from periods
    cross join subjects
    cross join segment_names
),

events_by_theme as (
    select
        ticket_themes.theme_id,
        events.*
    from events
    inner join ticket_themes on events.ticket_id = ticket_themes.ticket_id
),

steps_by_theme as (
    select
        ticket_themes.theme_id,
        backlog_steps.*
    from backlog_steps
    inner join ticket_themes on backlog_steps.ticket_id = ticket_themes.ticket_id
),

-- Each in its segment and in all, in its week and its month.
events_by_period as (
    {%- for period_unit in ['week', 'month'] %}
    {%- for is_all in [false, true] %}
    select
        '{{ period_unit }}' as period_unit,
        {{ start_of(period_unit, 'date_on') }} as starts_on,
        theme_id,
        {{ "'all' as segment" if is_all else 'segment' }},
        event_kind,
        of_account,
        of_one_touch,
        of_reopened,
        calendar_minutes,
        business_minutes
    from events_by_theme
    {% if not is_all %}where segment is not null{% endif %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

steps_by_period as (
    {%- for period_unit in ['week', 'month'] %}
    {%- for is_all in [false, true] %}
    select
        '{{ period_unit }}' as period_unit,
        {{ start_of(period_unit, 'date_on') }} as starts_on,
        theme_id,
        {{ "'all' as segment" if is_all else 'segment' }},
        step
    from steps_by_theme
    {% if not is_all %}where segment is not null{% endif %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

counted as (
    select
        period_unit,
        starts_on,
        theme_id,
        segment,
        {{ support_sums() }}
    from events_by_period
    group by period_unit, starts_on, theme_id, segment
),

changes as (
    select
        period_unit,
        starts_on,
        theme_id,
        segment,
        sum(step) as change
    from steps_by_period
    group by period_unit, starts_on, theme_id, segment
),

final as (
    select
        cells.period_unit,
        cells.starts_on,
        cells.theme_id,
        cells.segment,
        {{ support_columns('counted') }},
        cast(
            sum(coalesce(changes.change, 0)) over (
                partition by cells.period_unit, cells.theme_id, cells.segment order by cells.starts_on
            ) as bigint
        ) as backlog_ticket_count,
        cast(coalesce(counted.account_ticket_count, 0) as bigint) as account_ticket_count,
        active.active_account_28d_count as active_account_count,
        {{ ratio('coalesce(counted.account_ticket_count, 0)', 'active.active_account_28d_count') }} as contact_ratio,
        case
            when cells.period_unit = 'week' then {{ add_days('cells.starts_on', 7) }} <= {{ today() }}
            else {{ add_months('cells.starts_on', 1) }} <= {{ today() }}
        end as is_complete
    from cells
    left join counted
        on
            cells.period_unit = counted.period_unit
            and cells.starts_on = counted.starts_on
            and cells.theme_id = counted.theme_id
            and cells.segment = counted.segment
    left join changes
        on
            cells.period_unit = changes.period_unit
            and cells.starts_on = changes.starts_on
            and cells.theme_id = changes.theme_id
            and cells.segment = changes.segment
    left join active on cells.ends_on = active.date_on and cells.segment = active.segment
)

select * from final
