{#
  What was known of each paying account at the end of each week, per component of its health: value, score from 0
  (bad) to 1 (good), and the age of the newest thing it rests on. Nothing here is later than the end of the week: no
  ticket, answer or day of use after it, and no contract that was not yet signed. All windows are whole weeks.
#}
with

mrr as (
    select * from {{ ref('fct_mrr_daily') }}
),

person_days as (
    select
        account_id,
        person_key,
        date_on,
        {{ start_of('week', 'date_on') }} as week_start_on
    from {{ ref('int_metric__person_days_active') }}
    where account_id is not null and person_key is not null
),

tickets as (
    select
        account_id,
        {{ to_local_date('created_at') }} as date_on
    from {{ ref('fct_tickets') }}
),

answers as (
    select
        account_id,
        {{ to_local_date('occurred_at') }} as date_on,
        case score_scale when 'nps_0_10' then score / 10 else score end as score
    from {{ ref('int_insight__feedback_resolved') }}
    where score is not null and account_id is not null
),

contracts as (
    select
        account_id,
        ends_on,
        {{ to_local_date('known_at') }} as known_on
    from {{ ref('int_revenue__contracts_won') }}
),

usage_began as (
    select min(date_on) as first_on from person_days
),

support_began as (
    select min(date_on) as first_on from tickets
),

recorded as (
    select
        usage_began.first_on as usage_from_on,
        support_began.first_on as support_from_on
    from usage_began
    cross join support_began
),

-- Scored on the Monday after each complete week, for who paid on its Sunday.
weeks as (
    select
        mrr.account_id,
        {{ add_days('mrr.date_on', -6) }} as week_start_on,
        {{ add_days('mrr.date_on', 1) }} as scored_on,
        mrr.seat_count,
        mrr.arr_amount,
        mrr.currency,
        mrr.segment
    from mrr
    cross join recorded
    where
        {{ day_of_week('mrr.date_on') }} = 7
        and mrr.date_on < {{ today() }}
        and (
            mrr.date_on >= {{ add_days('recorded.usage_from_on', 27) }}
            or mrr.date_on >= {{ add_days('recorded.support_from_on', 27) }}
        )
),

person_weeks as (
    select
        account_id,
        person_key,
        week_start_on,
        count(*) as active_day_count,
        max(date_on) as last_active_on
    from person_days
    group by account_id, person_key, week_start_on
),

-- Four weeks, the four before them, and the twelve before the last four.
person_windows as (
    select
        weeks.account_id,
        weeks.scored_on,
        person_weeks.person_key,
        sum(
            case
                when person_weeks.week_start_on >= {{ add_days('weeks.scored_on', -28) }}
                    then person_weeks.active_day_count
                else 0
            end
        ) as recent_day_count,
        sum(
            case
                when
                    person_weeks.week_start_on >= {{ add_days('weeks.scored_on', -56) }}
                    and person_weeks.week_start_on < {{ add_days('weeks.scored_on', -28) }}
                    then person_weeks.active_day_count
                else 0
            end
        ) as previous_day_count,
        sum(
            case
                when person_weeks.week_start_on < {{ add_days('weeks.scored_on', -28) }}
                    then person_weeks.active_day_count
                else 0
            end
        ) as earlier_day_count,
        max(person_weeks.last_active_on) as last_active_on
    from weeks
    inner join person_weeks
        on
            weeks.account_id = person_weeks.account_id
            and weeks.scored_on > person_weeks.week_start_on
            and {{ add_days('weeks.scored_on', -112) }} <= person_weeks.week_start_on
    group by weeks.account_id, weeks.scored_on, person_weeks.person_key
),

usage as (
    select
        account_id,
        scored_on,
        sum(recent_day_count) as recent_day_count,
        sum(previous_day_count) as previous_day_count,
        sum(case when recent_day_count > 0 then 1 else 0 end) as active_person_count,
        max(case when recent_day_count > 0 or previous_day_count > 0 then last_active_on end) as trend_last_on,
        max(case when recent_day_count > 0 then last_active_on end) as share_last_on
    from person_windows
    group by account_id, scored_on
),

champions as (
    select
        account_id,
        scored_on,
        recent_day_count,
        earlier_day_count,
        last_active_on,
        row_number() over (
            partition by account_id, scored_on order by earlier_day_count desc, person_key asc
        ) as choice
    from person_windows
    where earlier_day_count > 0
),

ticket_windows as (
    select
        weeks.account_id,
        weeks.scored_on,
        count(*) as ticket_count,
        max(tickets.date_on) as last_on
    from weeks
    inner join tickets
        on
            weeks.account_id = tickets.account_id
            and weeks.scored_on > tickets.date_on
            and {{ add_days('weeks.scored_on', -28) }} <= tickets.date_on
    group by weeks.account_id, weeks.scored_on
),

answer_windows as (
    select
        weeks.account_id,
        weeks.scored_on,
        avg(answers.score) as score,
        max(answers.date_on) as last_on
    from weeks
    inner join answers
        on
            weeks.account_id = answers.account_id
            and weeks.scored_on > answers.date_on
            and {{ add_days('weeks.scored_on', -182) }} <= answers.date_on
    group by weeks.account_id, weeks.scored_on
),

contract_windows as (
    select
        weeks.account_id,
        weeks.scored_on,
        max(contracts.ends_on) as paid_until_on,
        max(contracts.known_on) as last_on
    from weeks
    inner join contracts
        on
            weeks.account_id = contracts.account_id
            and weeks.scored_on > contracts.known_on
            and weeks.scored_on <= contracts.ends_on
    group by weeks.account_id, weeks.scored_on
),

gathered as (
    select
        weeks.account_id,
        weeks.week_start_on,
        weeks.scored_on,
        weeks.segment,
        weeks.arr_amount,
        weeks.currency,
        weeks.seat_count,
        case
            when weeks.scored_on >= {{ add_days('recorded.usage_from_on', 56) }}
                then coalesce(usage.recent_day_count, 0)
        end as recent_day_count,
        coalesce(usage.previous_day_count, 0) as previous_day_count,
        usage.trend_last_on,
        case
            when weeks.scored_on >= {{ add_days('recorded.usage_from_on', 28) }}
                then coalesce(usage.active_person_count, 0)
        end as active_person_count,
        usage.share_last_on,
        case
            when weeks.scored_on >= {{ add_days('recorded.usage_from_on', 112) }} then champions.recent_day_count
        end as champion_recent_day_count,
        champions.earlier_day_count as champion_earlier_day_count,
        champions.last_active_on as champion_last_on,
        case
            when weeks.scored_on >= {{ add_days('recorded.support_from_on', 28) }}
                then coalesce(ticket_windows.ticket_count, 0)
        end as ticket_count,
        ticket_windows.last_on as ticket_last_on,
        answer_windows.score as answer_score,
        answer_windows.last_on as answer_last_on,
        {{ dbt.datediff('weeks.scored_on', 'contract_windows.paid_until_on', 'day') }} as renewal_days,
        contract_windows.last_on as contract_last_on
    from weeks
    cross join recorded
    left join usage on weeks.account_id = usage.account_id and weeks.scored_on = usage.scored_on
    left join champions
        on
            weeks.account_id = champions.account_id
            and weeks.scored_on = champions.scored_on
            and champions.choice = 1
    left join ticket_windows
        on weeks.account_id = ticket_windows.account_id and weeks.scored_on = ticket_windows.scored_on
    left join answer_windows
        on weeks.account_id = answer_windows.account_id and weeks.scored_on = answer_windows.scored_on
    left join contract_windows
        on weeks.account_id = contract_windows.account_id and weeks.scored_on = contract_windows.scored_on
),

measured as (
    select
        gathered.*,
        {{ ratio('gathered.recent_day_count', 'gathered.previous_day_count') }} as usage_trend_value,
        {{ ratio('gathered.recent_day_count', 'gathered.recent_day_count + gathered.previous_day_count') }}
            as usage_trend_raw_score,
        {{ ratio('gathered.active_person_count', 'gathered.seat_count') }} as active_share_value,
        {{ ratio('10 * gathered.ticket_count', 'gathered.seat_count') }} as support_load_value,
        cast(gathered.answer_score as {{ type_double() }}) as sentiment_value,
        cast(gathered.renewal_days as {{ type_double() }}) as renewal_distance_value,
        {{ ratio('3 * gathered.champion_recent_day_count', 'gathered.champion_earlier_day_count') }}
            as champion_activity_value
    from gathered
),

final as (
    select
        account_id,
        week_start_on,
        scored_on,
        segment,
        arr_amount,
        currency,
        usage_trend_value,
        usage_trend_raw_score as usage_trend_score,
        case
            when usage_trend_raw_score is not null then {{ dbt.datediff('trend_last_on', 'scored_on', 'day') }}
        end as usage_trend_age_days,
        active_share_value,
        case when active_share_value > 1 then cast(1 as {{ type_double() }}) else active_share_value end
            as active_share_score,
        case
            when active_share_value is not null then {{ dbt.datediff('share_last_on', 'scored_on', 'day') }}
        end as active_share_age_days,
        support_load_value,
        1 / (1 + support_load_value) as support_load_score,
        case
            when support_load_value is not null then {{ dbt.datediff('ticket_last_on', 'scored_on', 'day') }}
        end as support_load_age_days,
        sentiment_value,
        sentiment_value as sentiment_score,
        {{ dbt.datediff('answer_last_on', 'scored_on', 'day') }} as sentiment_age_days,
        renewal_distance_value,
        case when renewal_distance_value > 180 then cast(1 as {{ type_double() }}) else renewal_distance_value / 180 end
            as renewal_distance_score,
        {{ dbt.datediff('contract_last_on', 'scored_on', 'day') }} as renewal_distance_age_days,
        champion_activity_value,
        case when champion_activity_value > 1 then cast(1 as {{ type_double() }}) else champion_activity_value end
            as champion_activity_score,
        case
            when champion_activity_value is not null then {{ dbt.datediff('champion_last_on', 'scored_on', 'day') }}
        end as champion_activity_age_days
    from measured
)

select * from final
