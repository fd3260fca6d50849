with

usage_days as (
    select * from {{ ref('int_metric__usage_days') }}
),

mappings as (
    select * from {{ ref('stg_governance__mappings') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

-- The governed rule: these events, so often, within so many days. Without a rule nobody can be activated.
settings as (
    select
        max(case when mapping_key = 'analytics.activation.window_days' then cast(value as bigint) end) as window_days,
        coalesce(
            max(case when mapping_key = 'analytics.activation.sign_up_event' then value end), 'Signed Up'
        ) as sign_up_event
    from mappings
),

rules as (
    select
        rule_events.value as event_name,
        max(coalesce(cast(counts.value as bigint), 1)) as needed_count
    from mappings as rule_events
    left join mappings as counts
        on rule_events.position = counts.position and counts.mapping_key = 'analytics.activation.events.count'
    where rule_events.mapping_key = 'analytics.activation.events.name'
    group by rule_events.value
),

rule_size as (
    select count(*) as rule_count from rules
),

-- A person signs up once, in the account of that day.
sign_ups as (
    select
        person_key,
        account_id,
        date_on as signed_up_on
    from (
        select
            usage_days.person_key,
            usage_days.account_id,
            usage_days.date_on,
            row_number() over (
                partition by usage_days.person_key order by usage_days.date_on, usage_days.account_id nulls last
            ) as choice
        from usage_days
        inner join settings on usage_days.event_name = settings.sign_up_event
        where usage_days.person_key is not null
    ) as ranked_sign_ups
    where choice = 1
),

members as (
    select
        sign_ups.person_key,
        sign_ups.signed_up_on,
        {{ start_of('week', 'sign_ups.signed_up_on') }} as cohort_week_on,
        segments.segment,
        {{ add_days('sign_ups.signed_up_on', 'cast(settings.window_days as int)') }} as window_ends_on,
        settings.window_days
    from sign_ups
    cross join settings
    left join segments
        on
            sign_ups.account_id = segments.account_id
            and sign_ups.signed_up_on >= segments.valid_from_on
            and sign_ups.signed_up_on < segments.valid_to_on
    where settings.window_days is not null
),

-- The day on which each part of the rule was fulfilled, then the last of them.
daily_counts as (
    select
        members.person_key,
        members.signed_up_on,
        usage_days.event_name,
        usage_days.date_on,
        sum(sum(usage_days.event_count)) over (
            partition by members.person_key, usage_days.event_name order by usage_days.date_on
        ) as running_count
    from members
    inner join usage_days
        on
            members.person_key = usage_days.person_key
            and members.signed_up_on <= usage_days.date_on
            and members.window_ends_on > usage_days.date_on
    inner join rules on usage_days.event_name = rules.event_name
    group by members.person_key, members.signed_up_on, usage_days.event_name, usage_days.date_on
),

fulfilled as (
    select
        daily_counts.person_key,
        daily_counts.signed_up_on,
        daily_counts.event_name,
        min(daily_counts.date_on) as fulfilled_on
    from daily_counts
    inner join rules
        on
            daily_counts.event_name = rules.event_name
            and daily_counts.running_count >= rules.needed_count
    group by daily_counts.person_key, daily_counts.signed_up_on, daily_counts.event_name
),

activated as (
    select
        person_key,
        {{ dbt.datediff('max(signed_up_on)', 'max(fulfilled_on)', 'day') }} as days_to_value
    from fulfilled
    group by person_key
    having count(*) = (select rule_size.rule_count from rule_size)
),

outcomes as (
    select
        members.cohort_week_on,
        members.segment,
        members.window_days,
        activated.days_to_value
    from members
    left join activated on members.person_key = activated.person_key
),

outcomes_by_segment as (
    select cohort_week_on, segment, window_days, days_to_value
    from outcomes
    where segment is not null
    union all
    select cohort_week_on, 'all' as segment, window_days, days_to_value
    from outcomes
),

cohorts as (
    select
        cohort_week_on,
        segment,
        max(window_days) as window_days,
        {{ add_days('cohort_week_on', 'cast(6 + max(window_days) as int)') }} as window_ends_on,
        count(*) as person_count,
        count(days_to_value) as activated_person_count,
        {{ percentile('days_to_value', 0.5) }} as days_to_value_p50,
        {{ percentile('days_to_value', 0.85) }} as days_to_value_p85
    from outcomes_by_segment
    group by cohort_week_on, segment
),

final as (
    select
        cohort_week_on,
        segment,
        cast(window_days as bigint) as window_days,
        window_ends_on,
        window_ends_on <= {{ today() }} as is_complete,
        cast(person_count as bigint) as person_count,
        cast(activated_person_count as bigint) as activated_person_count,
        case when window_ends_on <= {{ today() }} then {{ ratio('activated_person_count', 'person_count') }} end
            as activation_ratio,
        case when window_ends_on <= {{ today() }} then cast(days_to_value_p50 as {{ type_double() }}) end
            as days_to_value_p50,
        case when window_ends_on <= {{ today() }} then cast(days_to_value_p85 as {{ type_double() }}) end
            as days_to_value_p85
    from cohorts
)

select * from final
