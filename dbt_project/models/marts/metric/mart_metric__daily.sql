with

mrr as (
    select * from {{ ref('fct_mrr_daily') }}
),

active as (
    select * from {{ ref('mart_metric__active_daily') }}
),

tickets as (
    select
        tickets.*,
        {{ to_local_date('tickets.csat_answered_at') }} as csat_answered_on
    from {{ ref('fct_tickets') }} as tickets
),

ticket_spans as (
    select
        spans.ticket_id,
        spans.is_resolved,
        spans.was_resolved,
        spans.span_number,
        {{ to_local_date('spans.started_at') }} as started_on
    from {{ ref('int_support__ticket_status_spans') }} as spans
),

deals as (
    select * from {{ ref('fct_deals') }}
),

work_items as (
    select
        work_item_id,
        work_item_level,
        done_on
    from {{ ref('fct_work_items') }}
),

revenue_months as (
    select * from {{ ref('mart_metric__mrr_monthly') }}
    where is_complete
),

dates as (
    select * from {{ ref('dim_dates') }}
),

pipeline_days as (
    select * from {{ ref('mart_metric__pipeline_daily') }}
),

support_cells as (
    select
        starts_on as date_on,
        segment,
        contact_ratio,
        cast(account_ticket_count as {{ type_double() }}) as account_ticket_count,
        cast(active_account_count as {{ type_double() }}) as active_account_count,
        full_resolution_minutes_p50,
        cast(full_resolution_count as {{ type_double() }}) as full_resolution_count,
        one_touch_ratio,
        cast(one_touch_ticket_count as {{ type_double() }}) as one_touch_ticket_count,
        first_reply_attainment_ratio,
        cast(first_reply_attained_count as {{ type_double() }}) as first_reply_attained_count,
        cast(first_reply_judged_count as {{ type_double() }}) as first_reply_judged_count,
        full_resolution_attainment_ratio,
        cast(full_resolution_attained_count as {{ type_double() }}) as full_resolution_attained_count,
        cast(full_resolution_judged_count as {{ type_double() }}) as full_resolution_judged_count
    from {{ ref('mart_metric__support_performance') }}
    where period_unit = 'day' and team_id = 'all'
),

flow as (
    select * from {{ ref('mart_delivery__flow_daily') }}
    where team_id = 'all'
),

survey_answers as (
    select
        object_id,
        person_key,
        score,
        occurred_at,
        {{ to_local_date('occurred_at') }} as answered_on
    from {{ ref('int_insight__feedback_resolved') }}
    where object_type = 'nps_response' and score is not null and account_id is not null
),

segment_names as (
    select distinct segment from {{ ref('int_crm__account_segment_spans') }}
    union all
    select 'all' as segment
),

mrr_by_segment as (
    select date_on, segment, mrr_amount from mrr
    union all
    select date_on, 'all' as segment, mrr_amount from mrr
),

mrr_cells as (
    select
        date_on,
        segment,
        cast(sum(mrr_amount) as {{ type_double() }}) as mrr_amount,
        cast(count(*) as {{ type_double() }}) as customer_count
    from mrr_by_segment
    group by date_on, segment
),

tickets_by_segment as (
    select segment, created_on, csat_answered_on, csat_score, first_reply_minutes, ticket_id
    from tickets
    where segment is not null
    union all
    select 'all' as segment, created_on, csat_answered_on, csat_score, first_reply_minutes, ticket_id
    from tickets
),

ticket_cells as (
    select
        created_on as date_on,
        segment,
        cast(count(*) as {{ type_double() }}) as ticket_count,
        {{ percentile('first_reply_minutes', 0.5) }} as first_reply_minutes_median,
        cast(count(first_reply_minutes) as {{ type_double() }}) as replied_count
    from tickets_by_segment
    group by created_on, segment
),

support_days as (
    {{ date_spine('(select min(tickets.created_on) from tickets)', today()) }}
),

-- A ticket joins the backlog when it is opened or reopened and leaves it when it is solved.
backlog_steps as (
    select
        tickets_by_segment.segment,
        ticket_spans.started_on as date_on,
        case when ticket_spans.is_resolved then -1 else 1 end as step
    from ticket_spans
    inner join tickets_by_segment on ticket_spans.ticket_id = tickets_by_segment.ticket_id
    where
        (ticket_spans.span_number = 1 and not ticket_spans.is_resolved)
        or (ticket_spans.span_number > 1 and ticket_spans.is_resolved <> ticket_spans.was_resolved)
),

backlog_changes as (
    select segment, date_on, sum(step) as change from backlog_steps group by segment, date_on
),

backlog as (
    select
        support_days.date_on,
        segment_names.segment,
        cast(
            sum(coalesce(backlog_changes.change, 0)) over (
                partition by segment_names.segment order by support_days.date_on
            ) as {{ type_double() }}
        ) as open_ticket_count
    from support_days
    cross join segment_names
    left join backlog_changes
        on support_days.date_on = backlog_changes.date_on and segment_names.segment = backlog_changes.segment
),

csat as (
    select
        support_days.date_on,
        rated.segment,
        cast(sum(case when rated.csat_score = 'good' then 1 else 0 end) as {{ type_double() }}) as good_count,
        cast(count(*) as {{ type_double() }}) as rated_count
    from support_days
    inner join tickets_by_segment as rated
        on
            rated.csat_answered_on <= support_days.date_on
            and rated.csat_answered_on > {{ add_days('support_days.date_on', -28) }}
    where rated.csat_score is not null
    group by support_days.date_on, rated.segment
),

survey_days as (
    {{ date_spine('(select min(survey_answers.answered_on) from survey_answers)', today()) }}
),

-- A person's last answer stands until the next one, for 90 days at most.
survey_stretches as (
    select
        score,
        answered_on as from_on,
        case
            when next_answered_on < {{ add_days('answered_on', 90) }} then next_answered_on
            else {{ add_days('answered_on', 90) }}
        end as to_on
    from (
        select
            score,
            answered_on,
            lead(answered_on) over (
                partition by coalesce(person_key, object_id) order by occurred_at, object_id
            ) as next_answered_on
        from survey_answers
    ) as sequenced
),

nps as (
    select
        survey_days.date_on,
        cast(
            sum(case when survey_stretches.score >= 9 then 1 when survey_stretches.score <= 6 then -1 else 0 end)
            as {{ type_double() }}
        ) as net_promoter_count,
        cast(count(*) as {{ type_double() }}) as answer_count
    from survey_days
    inner join survey_stretches
        on survey_days.date_on >= survey_stretches.from_on and survey_days.date_on < survey_stretches.to_on
    group by survey_days.date_on
),

won_by_segment as (
    select closed_on, segment, reporting_amount from deals where status = 'won' and segment is not null
    union all
    select closed_on, 'all' as segment, reporting_amount from deals where status = 'won'
),

won as (
    select
        closed_on as date_on,
        segment,
        cast(sum(reporting_amount) as {{ type_double() }}) as reporting_amount,
        cast(count(*) as {{ type_double() }}) as deal_count
    from won_by_segment
    where closed_on is not null
    group by closed_on, segment
),

done as (
    select
        done_on as date_on,
        cast(count(*) as {{ type_double() }}) as work_item_count
    from work_items
    where done_on is not null and work_item_level in ('standard', 'sub_task')
    group by done_on
),

-- What looks back over months is that of the last month that was over when the day ended.
retention as (
    select
        dates.date_on,
        revenue_months.segment,
        revenue_months.nrr_12m_ratio,
        revenue_months.grr_12m_ratio
    from revenue_months
    inner join dates
        on
            {{ add_days(add_months('revenue_months.month_start_on', 1), -1) }} <= dates.date_on
            and {{ add_days(add_months('revenue_months.month_start_on', 2), -1) }} > dates.date_on
),

pipeline as (
    select
        date_on,
        segment,
        -- a part of the sum would look like the whole
        case when sum(unknown_amount_deal_count) = 0 then cast(sum(open_amount) as {{ type_double() }}) end
            as open_amount,
        cast(sum(open_deal_count) as {{ type_double() }}) as open_deal_count
    from pipeline_days
    group by date_on, segment
),

metrics as (
    {%- for metric_id, relation, value, numerator, denominator in [
        ('mrr', 'mrr_cells', 'mrr_amount', 'mrr_amount', none),
        ('arr', 'mrr_cells', '12 * mrr_amount', '12 * mrr_amount', none),
        ('customer_count', 'mrr_cells', 'customer_count', 'customer_count', none),
        ('active_people_7d', 'active', 'active_person_7d_count', 'active_person_7d_count', none),
        ('active_accounts_7d', 'active', 'active_account_7d_count', 'active_account_7d_count', none),
        ('stickiness', 'active', 'stickiness_ratio', 'active_person_1d_count', 'active_person_7d_count'),
        ('tickets_created', 'ticket_cells', 'ticket_count', 'ticket_count', none),
        ('ticket_backlog', 'backlog', 'open_ticket_count', 'open_ticket_count', none),
        ('first_reply_minutes_median', 'ticket_cells', 'first_reply_minutes_median', none, 'replied_count'),
        ('csat_ratio', 'csat', ratio('good_count', 'rated_count'), 'good_count', 'rated_count'),
        ('nps', 'nps', '100 * ' ~ ratio('net_promoter_count', 'answer_count'), '100 * net_promoter_count', 'answer_count'),
        ('deals_won_amount', 'won', 'reporting_amount', 'reporting_amount', 'deal_count'),
        ('work_items_done', 'done', 'work_item_count', 'work_item_count', none),
        ('nrr_12m_ratio', 'retention', 'nrr_12m_ratio', none, none),
        ('grr_12m_ratio', 'retention', 'grr_12m_ratio', none, none),
        ('open_pipeline_amount', 'pipeline', 'open_amount', 'open_amount', 'open_deal_count'),
        ('contact_ratio', 'support_cells', 'contact_ratio', 'account_ticket_count', 'active_account_count'),
        (
            'full_resolution_minutes_median', 'support_cells', 'full_resolution_minutes_p50', none,
            'full_resolution_count'
        ),
        (
            'one_touch_ratio', 'support_cells', 'one_touch_ratio', 'one_touch_ticket_count',
            'full_resolution_count'
        ),
        (
            'first_reply_attainment_ratio', 'support_cells', 'first_reply_attainment_ratio',
            'first_reply_attained_count', 'first_reply_judged_count'
        ),
        (
            'full_resolution_attainment_ratio', 'support_cells', 'full_resolution_attainment_ratio',
            'full_resolution_attained_count', 'full_resolution_judged_count'
        ),
        ('work_items_in_progress', 'flow', 'wip_count', 'wip_count', none),
        ('cycle_time_days_median', 'flow', 'cycle_time_p50_days', none, none),
    ] %}
    select
        '{{ metric_id }}' as metric_id,
        date_on,
        {{ "'all'" if relation in ['nps', 'done', 'flow'] else 'segment' }} as segment,
        cast({{ value }} as {{ type_double() }}) as value,
        cast({{ numerator or 'null' }} as {{ type_double() }}) as numerator,
        cast({{ denominator or 'null' }} as {{ type_double() }}) as denominator
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

final as (
    select
        metric_id,
        date_on,
        segment,
        value,
        numerator,
        denominator,
        date_on < {{ today() }} as is_complete
    from metrics
    where value is not null and date_on <= {{ today() }}
)

select * from final
