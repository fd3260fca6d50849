with

person_days as (
    select * from {{ ref('int_metric__person_days_active') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

segment_names as (
    select distinct segment from segments
    union all
    select 'all' as segment
),

days as (
    {{ date_spine('(select min(person_days.date_on) from person_days)', today()) }}
),

lengths as (
    select 1 as length_days
    union all
    select 7 as length_days
    union all
    select 28 as length_days
),

-- A person's account is the one they were last active in.
person_accounts as (
    select
        person_key,
        account_id
    from (
        select
            person_key,
            account_id,
            row_number() over (partition by person_key order by date_on desc, account_id desc) as choice
        from person_days
        where person_key is not null and account_id is not null
    ) as ranked_accounts
    where choice = 1
),

active as (
    select distinct
        'person' as subject_type,
        person_days.person_key as subject_id,
        person_accounts.account_id,
        person_days.date_on
    from person_days
    left join person_accounts on person_days.person_key = person_accounts.person_key
    where person_days.person_key is not null

    union all

    select distinct
        'account' as subject_type,
        account_id as subject_id,
        account_id,
        date_on
    from person_days
    where account_id is not null
),

-- Each active day counts for as many days as the window is long, or until the next active day takes over: the
-- stretches of a subject never overlap, so it is counted once a day.
sequenced as (
    select
        active.subject_type,
        active.subject_id,
        active.account_id,
        active.date_on,
        lead(active.date_on) over (
            partition by active.subject_type, active.subject_id order by active.date_on
        ) as next_date_on
    from active
),

stretches as (
    select
        sequenced.subject_type,
        sequenced.subject_id,
        sequenced.account_id,
        lengths.length_days,
        sequenced.date_on as from_on,
        case
            when
                sequenced.next_date_on < {{ add_days('sequenced.date_on', 'lengths.length_days') }}
                then sequenced.next_date_on
            else {{ add_days('sequenced.date_on', 'lengths.length_days') }}
        end as to_on
    from sequenced
    cross join lengths
),

placed as (
    select
        subject_type,
        length_days,
        'all' as segment,
        from_on,
        to_on
    from stretches

    union all

    -- A stretch is cut where the account changes its segment.
    select
        stretches.subject_type,
        stretches.length_days,
        segments.segment,
        case
            when stretches.from_on > segments.valid_from_on then stretches.from_on else segments.valid_from_on
        end as from_on,
        case when stretches.to_on < segments.valid_to_on then stretches.to_on else segments.valid_to_on end as to_on
    from stretches
    inner join segments
        on
            stretches.account_id = segments.account_id
            and stretches.from_on < segments.valid_to_on
            and stretches.to_on > segments.valid_from_on
            and segments.valid_from_on < segments.valid_to_on
),

steps as (
    select segment, from_on as date_on, subject_type, length_days, 1 as step from placed
    union all
    select segment, to_on as date_on, subject_type, length_days, -1 as step from placed
),

changes as (
    select
        segment,
        date_on,
        {%- for subject in ['person', 'account'] %}
        {%- for length in [1, 7, 28] %}
        sum(case when subject_type = '{{ subject }}' and length_days = {{ length }} then step else 0 end)
            as {{ subject }}_{{ length }}d_change,
        {%- endfor %}
        {%- endfor %}
        count(*) as step_count
    from steps
    group by segment, date_on
),

running as (
    select
        days.date_on,
        segment_names.segment,
        {%- for subject in ['person', 'account'] %}
        {%- for length in [1, 7, 28] %}
        cast(
            sum(coalesce(changes.{{ subject }}_{{ length }}d_change, 0)) over (
                partition by segment_names.segment order by days.date_on
            ) as bigint
        ) as active_{{ subject }}_{{ length }}d_count{{ "," if not (loop.last and subject == 'account') }}
        {%- endfor %}
        {%- endfor %}
    from days
    cross join segment_names
    left join changes on days.date_on = changes.date_on and segment_names.segment = changes.segment
),

final as (
    select
        date_on,
        segment,
        active_person_1d_count,
        active_person_7d_count,
        active_person_28d_count,
        active_account_1d_count,
        active_account_7d_count,
        active_account_28d_count,
        {{ ratio('active_person_1d_count', 'active_person_7d_count') }} as stickiness_ratio,
        date_on < {{ today() }} as is_complete
    from running
)

select * from final
