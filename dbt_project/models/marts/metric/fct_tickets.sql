with

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

spans as (
    select
        span.*,
        -- Exact, so that their sum does not depend on the order of adding.
        cast(
            {{ seconds_between('span.started_at', 'coalesce(span.ended_at, ' ~ now_utc() ~ ')') }} as {{ type_amount() }}
        ) as duration_seconds
    from {{ ref('int_support__ticket_status_spans') }} as span
),

comments as (
    select * from {{ ref('int_support__ticket_comments_counted') }}
),

-- Waits in business time, of each ticket as a whole.
waits as (
    select
        ticket_id,
        {%- for kind in ['first_reply', 'first_resolution', 'full_resolution', 'requester_wait'] %}
        max(case when wait_kind = '{{ kind }}' then business_minutes end) as {{ kind }}_business_minutes,
        {%- endfor %}
        sum(case when wait_kind = 'next_reply' then 1 else 0 end) as next_reply_count,
        avg(case when wait_kind = 'next_reply' then calendar_minutes end) as next_reply_minutes,
        avg(case when wait_kind = 'next_reply' then business_minutes end) as next_reply_business_minutes
    from {{ ref('int_support__ticket_waits') }}
    where is_over or wait_kind = 'requester_wait'
    group by ticket_id
),

ratings as (
    {{ union_sources('support__ticket_ratings', {
        'rating_id': 'text',
        'ticket_id': 'text',
        'score_name': 'text',
        'answered_at': 'timestamp',
    }) }}
),

priorities as (
    select
        ticket_id,
        priority
    from {{ ref('int_support__ticket_priority_spans') }}
    where span_number = 1
),

targets as (
    select
        ticket_id,
        {%- for kind in ['first_reply', 'full_resolution'] %}
        max(case when wait_kind = '{{ kind }}' then target_minutes end) as {{ kind }}_target_minutes,
        max(case when wait_kind = '{{ kind }}' then time_kind end) as {{ kind }}_target_time,
        max(case when wait_kind = '{{ kind }}' and is_attained then 1 when wait_kind = '{{ kind }}' and not is_attained then 0 end)
            as {{ kind }}_attained,
        max(case when wait_kind = '{{ kind }}' and not is_attained then judged_at end) as {{ kind }}_missed_at,
        {%- endfor %}
        sum(case when wait_kind = 'next_reply' and is_attained is not null then 1 else 0 end) as next_reply_judged_count,
        sum(case when wait_kind = 'next_reply' and is_attained then 1 else 0 end) as next_reply_attained_count
    from {{ ref('int_support__waits_judged') }}
    group by ticket_id
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

timed as (
    select
        ticket_id,
        min(case when is_resolved and not was_resolved then started_at end) as first_solved_at,
        max(case when is_resolved and not was_resolved then started_at end) as last_solved_at,
        sum(case when is_resolved and not was_resolved then 1 else 0 end) as solve_count,
        max(case when ended_at is null and is_resolved then 1 else 0 end) as is_resolved_now,
        min(case when status = 'closed' then started_at end) as closed_at,
        max(case when ended_at is null then status end) as status,
        sum(case when status in ('new', 'open', 'hold') then duration_seconds else 0 end) as requester_wait_seconds,
        sum(case when status in ('new', 'open') then duration_seconds else 0 end) as agent_work_seconds,
        sum(case when status = 'hold' then duration_seconds else 0 end) as on_hold_seconds
    from spans
    group by ticket_id
),

last_ratings as (
    select
        ticket_id,
        score_name,
        answered_at
    from (
        select
            ratings.*,
            row_number() over (partition by ticket_id order by answered_at desc, rating_id desc) as choice
        from ratings
        where score_name is not null
    ) as ranked_ratings
    where choice = 1
),

joined as (
    select
        tickets.*,
        timed.first_solved_at,
        case when timed.is_resolved_now = 1 then timed.last_solved_at end as solved_at,
        timed.closed_at,
        timed.solve_count,
        timed.status as timed_status,
        timed.requester_wait_seconds,
        timed.agent_work_seconds,
        timed.on_hold_seconds,
        comments.first_reply_at,
        comments.first_reply_incl_automatic_at,
        waits.first_reply_business_minutes,
        waits.first_resolution_business_minutes,
        waits.full_resolution_business_minutes,
        waits.requester_wait_business_minutes,
        coalesce(waits.next_reply_count, 0) as next_reply_count,
        waits.next_reply_minutes,
        waits.next_reply_business_minutes,
        coalesce(comments.agent_reply_count, 0) as agent_reply_count,
        coalesce(comments.customer_comment_count, 0) as customer_comment_count,
        last_ratings.score_name,
        last_ratings.answered_at,
        segments.segment,
        priorities.priority as priority_at_creation,
        {%- for kind in ['first_reply', 'full_resolution'] %}
        targets.{{ kind }}_target_minutes,
        targets.{{ kind }}_target_time,
        targets.{{ kind }}_attained = 1 as is_{{ kind }}_attained,
        targets.{{ kind }}_missed_at,
        {%- endfor %}
        coalesce(targets.next_reply_judged_count, 0) as next_reply_judged_count,
        coalesce(targets.next_reply_attained_count, 0) as next_reply_attained_count
    from tickets
    left join timed on tickets.ticket_id = timed.ticket_id
    left join comments on tickets.ticket_id = comments.ticket_id
    left join waits on tickets.ticket_id = waits.ticket_id
    left join last_ratings on tickets.ticket_id = last_ratings.ticket_id
    left join priorities on tickets.ticket_id = priorities.ticket_id
    left join targets on tickets.ticket_id = targets.ticket_id
    left join segments
        on
            tickets.account_id = segments.account_id
            and tickets.created_at >= segments.valid_from_at
            and tickets.created_at < segments.valid_to_at
),

final as (
    select
        ticket_id,
        account_id,
        requester_person_key,
        assignee_person_key,
        team_id,
        channel,
        ticket_type,
        priority,
        priority_at_creation,
        coalesce(timed_status, status) as status,
        tags,
        is_merged,
        created_at,
        {{ to_local_date('created_at') }} as created_on,
        first_reply_at,
        {{ seconds_between('created_at', 'first_reply_at') }} / 60 as first_reply_minutes,
        first_reply_business_minutes,
        {{ seconds_between('created_at', 'first_reply_incl_automatic_at') }} / 60
            as first_reply_incl_automatic_minutes,
        cast(next_reply_count as bigint) as next_reply_count,
        next_reply_minutes,
        next_reply_business_minutes,
        cast(first_reply_target_minutes as bigint) as first_reply_target_minutes,
        first_reply_target_time,
        is_first_reply_attained,
        first_reply_missed_at,
        cast(next_reply_judged_count as bigint) as next_reply_judged_count,
        cast(next_reply_attained_count as bigint) as next_reply_attained_count,
        first_solved_at,
        solved_at,
        {{ to_local_date('solved_at') }} as solved_on,
        {{ seconds_between('created_at', 'first_solved_at') }} / 60 as first_resolution_minutes,
        first_resolution_business_minutes,
        {{ seconds_between('created_at', 'solved_at') }} / 60 as full_resolution_minutes,
        full_resolution_business_minutes,
        cast(full_resolution_target_minutes as bigint) as full_resolution_target_minutes,
        full_resolution_target_time,
        is_full_resolution_attained,
        full_resolution_missed_at,
        cast(case when solve_count > 1 then solve_count - 1 else 0 end as bigint) as reopen_count,
        cast(requester_wait_seconds as {{ type_double() }}) / 60 as requester_wait_minutes,
        requester_wait_business_minutes,
        cast(agent_work_seconds as {{ type_double() }}) / 60 as agent_work_minutes,
        cast(on_hold_seconds as {{ type_double() }}) / 60 as on_hold_minutes,
        cast(agent_reply_count as bigint) as agent_reply_count,
        cast(customer_comment_count as bigint) as customer_comment_count,
        agent_reply_count = 1 and solved_at is not null and solve_count = 1 as is_one_touch,
        score_name as csat_score,
        answered_at as csat_answered_at,
        segment,
        support_url,
        closed_at
    from joined
)

select * from final
