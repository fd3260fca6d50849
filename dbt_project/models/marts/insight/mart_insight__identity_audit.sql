with

organizations as (
    select * from {{ ref('int_identity__organizations_resolved') }}
),

groups as (
    select * from {{ ref('int_identity__groups_resolved') }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

accounts as (
    select
        account_id,
        is_excluded
    from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

users as (
    select
        coalesce(user_ref, profile_ref) as person_ref,
        min(first_event_at) as first_event_at
    from {{ ref('int_analytics__user_days') }}
    group by coalesce(user_ref, profile_ref)
),

revenue as (
    select
        account_id,
        max(currency) as currency,
        cast(12 * max(mrr_amount) as {{ type_amount() }}) as arr_amount
    from {{ ref('int_revenue__account_spans') }}
    where from_on <= {{ today() }} and to_on > {{ today() }}
    group by account_id
),

objects as (
    select
        source_name,
        instance,
        'organization' as object_kind,
        organization_ref as object_ref,
        account_id,
        match_method,
        created_at as first_seen_at
    from organizations
    where not is_deleted

    union all

    select
        source_name,
        instance,
        'group' as object_kind,
        group_ref as object_ref,
        account_id,
        match_method,
        first_seen_at
    from groups

    union all

    -- Customers only: staff and apps belong to no account, and what was merged away is its survivor's.
    select
        people.source_name,
        people.instance,
        'person' as object_kind,
        people.person_ref as object_ref,
        people.account_id,
        people.match_method,
        coalesce(people.first_seen_at, users.first_event_at) as first_seen_at
    from people
    left join users on people.person_ref = users.person_ref
    where
        not people.is_staff
        and not people.is_bot
        and people.is_active
        and not people.is_deleted
        and not people.is_merged

    union all

    select
        source_name,
        instance,
        'ticket' as object_kind,
        ticket_id as object_ref,
        account_id,
        match_method,
        created_at as first_seen_at
    from tickets
),

-- What belongs to accounts that do not count is left out, here as everywhere.
judged as (
    select
        objects.source_name,
        objects.instance,
        objects.object_kind,
        objects.account_id,
        objects.first_seen_at > {{ dbt.dateadd('day', -28, now_utc()) }} as is_recent,
        case
            when objects.account_id is not null then objects.match_method
            when objects.match_method is not null then 'account_gone'
            else 'unmatched'
        end as match_method
    from objects
    left join accounts on objects.account_id = accounts.account_id
    where not coalesce(accounts.is_excluded, false)
),

counted as (
    select
        source_name,
        instance,
        object_kind,
        match_method,
        count(*) as object_count,
        count(distinct account_id) as account_count,
        sum(case when is_recent then 1 else 0 end) as recent_object_count
    from judged
    group by source_name, instance, object_kind, match_method
),

kinds as (
    select
        source_name,
        instance,
        object_kind,
        sum(object_count) as object_count,
        sum(recent_object_count) as recent_object_count
    from counted
    group by source_name, instance, object_kind
),

-- Each paying account once per kind, by the highest rung that leads to it; none leading to it is unmatched.
reached as (
    select
        kinds.source_name,
        kinds.instance,
        kinds.object_kind,
        revenue.account_id,
        revenue.arr_amount,
        coalesce(judged.match_method, 'unmatched') as match_method,
        row_number() over (
            partition by kinds.source_name, kinds.instance, kinds.object_kind, revenue.account_id
            order by {{ match_rung('judged.match_method') }} nulls last, judged.match_method
        ) as choice
    from kinds
    cross join revenue
    left join judged
        on
            kinds.source_name = judged.source_name
            and kinds.instance = judged.instance
            and kinds.object_kind = judged.object_kind
            and revenue.account_id = judged.account_id
),

valued as (
    select
        source_name,
        instance,
        object_kind,
        match_method,
        count(*) as paying_account_count,
        sum(arr_amount) as arr_amount
    from reached
    where choice = 1
    group by source_name, instance, object_kind, match_method
),

total as (
    select
        sum(arr_amount) as arr_amount,
        max(currency) as currency
    from revenue
),

-- Unmatched has a row also where it is none: that, too, is a number.
grid as (
    select
        source_name,
        instance,
        object_kind,
        match_method
    from counted
    union
    select
        source_name,
        instance,
        object_kind,
        match_method
    from valued
    union
    select
        source_name,
        instance,
        object_kind,
        'unmatched' as match_method
    from kinds
),

final as (
    select
        grid.source_name,
        grid.instance,
        grid.object_kind,
        grid.match_method,
        {{ match_rung('grid.match_method') }} as match_rung,
        {{ match_confidence('grid.match_method') }} as match_confidence,
        cast(coalesce(counted.object_count, 0) as bigint) as object_count,
        {{ ratio('coalesce(counted.object_count, 0)', 'kinds.object_count') }} as object_ratio,
        cast(coalesce(counted.recent_object_count, 0) as bigint) as recent_object_count,
        {{ ratio('coalesce(counted.recent_object_count, 0)', 'kinds.recent_object_count') }} as recent_object_ratio,
        cast(coalesce(counted.account_count, 0) as bigint) as account_count,
        cast(coalesce(valued.paying_account_count, 0) as bigint) as paying_account_count,
        cast(coalesce(valued.arr_amount, 0) as {{ type_amount() }}) as arr_amount,
        {{ ratio('coalesce(valued.arr_amount, 0)', 'total.arr_amount') }} as arr_ratio,
        total.currency
    from grid
    inner join kinds
        on
            grid.source_name = kinds.source_name
            and grid.instance = kinds.instance
            and grid.object_kind = kinds.object_kind
    left join counted
        on
            grid.source_name = counted.source_name
            and grid.instance = counted.instance
            and grid.object_kind = counted.object_kind
            and grid.match_method = counted.match_method
    left join valued
        on
            grid.source_name = valued.source_name
            and grid.instance = valued.instance
            and grid.object_kind = valued.object_kind
            and grid.match_method = valued.match_method
    cross join total
)

select * from final
