{#
  NPS and CSAT over the 90 days up to the end of each week (or up to now in the running one), as DEFINITIONS.md says.
  1.96 standard errors either way: a 95 % interval; Wilson's for a share, which stays honest near 0 and 1.
#}
{% set z = 1.96 %}
with

answers as (
    select
        coalesce(person_key, object_id) as respondent,
        object_id,
        account_id,
        score,
        occurred_at,
        {{ to_local_date('occurred_at') }} as answered_on
    from {{ ref('int_insight__feedback_resolved') }}
    where score_scale = 'nps_0_10' and score is not null and occurred_at is not null
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

tickets as (
    select
        ticket_id,
        segment,
        csat_score,
        {{ to_local_date('csat_answered_at') }} as answered_on,
        {{ to_local_date('solved_at') }} as solved_on
    from {{ ref('fct_tickets') }}
),

first_days as (
    select min(day_on) as first_on
    from (
        select answered_on as day_on from answers
        union all
        select answered_on as day_on from tickets
        where csat_score is not null
    ) as days_on
),

days as (
    {{ date_spine('(select first_days.first_on from first_days)', today()) }}
),

weeks as (
    select
        {{ start_of('week', 'date_on') }} as week_start_on,
        max(date_on) as as_of_on
    from days
    group by {{ start_of('week', 'date_on') }}
),

ranked_answers as (
    select
        weeks.week_start_on,
        answers.account_id,
        answers.score,
        answers.occurred_at,
        row_number() over (
            partition by weeks.week_start_on, answers.respondent
            order by answers.occurred_at desc, answers.object_id desc
        ) as recency
    from weeks
    inner join answers
        on
            answers.answered_on <= weeks.as_of_on
            and answers.answered_on > {{ add_days('weeks.as_of_on', -90) }}
),

last_answers as (
    select
        ranked_answers.week_start_on,
        segments.segment,
        case
            when ranked_answers.score >= 9 then 1
            when ranked_answers.score <= 6 then -1
            else 0
        end as vote
    from ranked_answers
    left join segments
        on
            ranked_answers.account_id = segments.account_id
            and ranked_answers.occurred_at >= segments.valid_from_at
            and ranked_answers.occurred_at < segments.valid_to_at
    where ranked_answers.recency = 1
),

votes as (
    select week_start_on, segment, vote from last_answers
    where segment is not null
    union all
    select week_start_on, 'all' as segment, vote from last_answers
),

nps as (
    select
        week_start_on,
        segment,
        count(*) as answer_count,
        sum(case when vote = 1 then 1 else 0 end) as positive_count,
        sum(case when vote = -1 then 1 else 0 end) as negative_count
    from votes
    group by week_start_on, segment
),

ticket_windows as (
    select
        weeks.week_start_on,
        tickets.segment,
        case
            when
                tickets.csat_score is not null and tickets.answered_on <= weeks.as_of_on
                and tickets.answered_on > {{ add_days('weeks.as_of_on', -90) }}
                then tickets.csat_score
        end as csat_score,
        case
            when
                tickets.solved_on <= weeks.as_of_on
                and tickets.solved_on > {{ add_days('weeks.as_of_on', -90) }}
                then 1
            else 0
        end as is_solved,
        case when tickets.csat_score is not null and tickets.answered_on <= weeks.as_of_on then 1 else 0 end
            as is_rated_by_then
    from weeks
    cross join tickets
    where
        (tickets.answered_on <= weeks.as_of_on and tickets.answered_on > {{ add_days('weeks.as_of_on', -90) }})
        or (tickets.solved_on <= weeks.as_of_on and tickets.solved_on > {{ add_days('weeks.as_of_on', -90) }})
),

ratings as (
    select week_start_on, segment, csat_score, is_solved, is_rated_by_then from ticket_windows
    where segment is not null
    union all
    select week_start_on, 'all' as segment, csat_score, is_solved, is_rated_by_then from ticket_windows
),

csat as (
    select
        week_start_on,
        segment,
        sum(case when csat_score is not null then 1 else 0 end) as answer_count,
        sum(case when csat_score = 'good' then 1 else 0 end) as positive_count,
        sum(case when csat_score = 'bad' then 1 else 0 end) as negative_count,
        sum(is_solved) as asked_count,
        sum(is_solved * is_rated_by_then) as asked_answer_count
    from ratings
    group by week_start_on, segment
),

subjects as (
    select distinct segment from votes
    union
    select distinct segment from ratings
),

dense as (
    select
        measures.measure,
        weeks.week_start_on,
        weeks.as_of_on,
        subjects.segment
    from weeks
    cross join subjects
    cross join (select 'nps' as measure union all select 'csat' as measure) as measures
),

joined as (
    select
        dense.*,
        cast(coalesce(nps.answer_count, csat.answer_count, 0) as {{ type_double() }}) as n,
        cast(coalesce(nps.positive_count, csat.positive_count, 0) as {{ type_double() }}) as positives,
        cast(coalesce(nps.negative_count, csat.negative_count, 0) as {{ type_double() }}) as negatives,
        case when dense.measure = 'csat' then coalesce(csat.asked_count, 0) end as asked_count,
        csat.asked_answer_count
    from dense
    left join nps
        on dense.measure = 'nps' and dense.week_start_on = nps.week_start_on and dense.segment = nps.segment
    left join csat
        on dense.measure = 'csat' and dense.week_start_on = csat.week_start_on and dense.segment = csat.segment
),

shares as (
    select
        joined.*,
        positives / nullif(n, 0) as p,
        negatives / nullif(n, 0) as q
    from joined
),

estimates as (
    select
        shares.*,
        case when measure = 'nps' then 100 * (p - q) else p end as value,
        case
            when measure = 'nps' then 100 * {{ z }} * sqrt((p + q - (p - q) * (p - q)) / n)
            else {{ z }} * sqrt(p * (1 - p) / n + {{ z }} * {{ z }} / (4 * n * n)) / (1 + {{ z }} * {{ z }} / n)
        end as half_width,
        case
            when measure = 'nps' then 100 * (p - q)
            else (p + {{ z }} * {{ z }} / (2 * n)) / (1 + {{ z }} * {{ z }} / n)
        end as centre
    from shares
    where n > 0
    union all
    select
        shares.*,
        cast(null as {{ type_double() }}) as value,
        cast(null as {{ type_double() }}) as half_width,
        cast(null as {{ type_double() }}) as centre
    from shares
    where n = 0
),

final as (
    select
        measure,
        week_start_on,
        segment,
        as_of_on,
        cast(n as bigint) as answer_count,
        cast(positives as bigint) as positive_count,
        cast(n - positives - negatives as bigint) as neutral_count,
        cast(negatives as bigint) as negative_count,
        value,
        case
            when measure = 'nps' and centre - half_width < -100 then -100
            else centre - half_width
        end as interval_low,
        case
            when measure = 'nps' and centre + half_width > 100 then 100
            else centre + half_width
        end as interval_high,
        n < 30 as is_too_few,
        cast(asked_count as bigint) as asked_count,
        {{ ratio('asked_answer_count', 'asked_count') }} as response_ratio,
        {{ add_days('week_start_on', 6) }} < {{ today() }} as is_complete
    from estimates
)

select * from final
