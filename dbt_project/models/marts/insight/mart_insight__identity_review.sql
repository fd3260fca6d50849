with

organizations as (
    select * from {{ ref('int_identity__organizations_resolved') }}
    where match_method is null and not is_deleted
),

groups as (
    select * from {{ ref('int_identity__groups_resolved') }}
    where match_method is null
),

candidates as (
    select * from {{ ref('int_identity__match_candidates') }}
),

names as (
    select * from {{ ref('int_identity__account_names') }}
),

accounts as (
    select
        account_id,
        is_excluded
    from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

tickets as (
    select
        organization_ref,
        count(*) as ticket_count
    from {{ ref('int_support__tickets_resolved') }}
    where organization_ref is not null
    group by organization_ref
),

usage as (
    select
        instance || ':' || account_external_id as group_ref,
        count(*) as user_day_count
    from {{ ref('int_analytics__user_days') }}
    where account_external_id is not null
    group by instance || ':' || account_external_id
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

-- Of accounts of one name in one country, the oldest is the one to keep.
namesakes as (
    select
        account_id,
        first_value(account_id) over (
            partition by name_key, country_code order by created_at, account_id
        ) as kept_account_id
    from names
    where namesake_count > 1 and country_code is not null
),

waiting as (
    select
        'organization' as object_kind,
        source_name,
        instance,
        organization_ref as object_ref,
        created_at as first_seen_at
    from organizations

    union all

    select
        'group' as object_kind,
        source_name,
        instance,
        group_ref as object_ref,
        first_seen_at
    from groups
),

proposed as (
    select
        waiting.object_kind,
        waiting.source_name,
        waiting.instance,
        waiting.object_ref,
        waiting.first_seen_at,
        candidates.account_id as proposed_account_id,
        coalesce(candidates.reason, 'no_candidate') as reason,
        candidates.person_count,
        coalesce(candidates.candidate_rank, 1) as candidate_rank,
        coalesce(tickets.ticket_count, usage.user_day_count, 0) as affected_count,
        -- The instance names one connection; the id is what the vendor gave, after it.
        case
            when candidates.account_id is not null then
                waiting.instance || ',' || substring(waiting.object_ref, length(waiting.instance) + 2)
                || ',' || candidates.account_id || ',,' || candidates.reason
        end as accounts_csv_line
    from waiting
    left join candidates
        on
            waiting.object_kind = candidates.object_kind
            and waiting.object_ref = candidates.object_ref
    left join tickets on waiting.object_kind = 'organization' and waiting.object_ref = tickets.organization_ref
    left join usage on waiting.object_kind = 'group' and waiting.object_ref = usage.group_ref

    union all

    select
        'account' as object_kind,
        records.source_name,
        records.instance,
        namesakes.account_id as object_ref,
        records.created_at as first_seen_at,
        namesakes.kept_account_id as proposed_account_id,
        'namesake_in_country' as reason,
        cast(null as bigint) as person_count,
        1 as candidate_rank,
        0 as affected_count,
        cast(null as {{ type_text() }}) as accounts_csv_line
    from namesakes
    inner join {{ ref('int_identity__accounts_resolved') }} as records
        on namesakes.account_id = records.account_record_id
    where namesakes.account_id <> namesakes.kept_account_id and not records.is_excluded
),

final as (
    select
        {{ hashed_id(['proposed.object_kind', 'proposed.object_ref', 'proposed.proposed_account_id']) }} as review_id,
        proposed.object_kind,
        proposed.source_name,
        proposed.instance,
        proposed.object_ref as object_id,
        proposed.first_seen_at,
        proposed.reason,
        cast(proposed.candidate_rank as bigint) as candidate_rank,
        proposed.proposed_account_id,
        coalesce(accounts.is_excluded, false) as is_proposed_account_excluded,
        proposed.person_count,
        cast(proposed.affected_count as bigint) as affected_count,
        cast(
            case when proposed.proposed_account_id is not null then coalesce(revenue.arr_amount, 0) end
            as {{ type_amount() }}
        ) as arr_amount,
        revenue.currency,
        proposed.accounts_csv_line,
        case
            when proposed.object_kind = 'account' then 'If both are one customer, merge them in the CRM.'
            when proposed.reason = 'no_candidate'
                then 'Give it the CRM''s id in ' || proposed.source_name || ', or name its account in accounts.csv.'
            else 'If it is that account, add the line to accounts.csv.'
        end as remedy
    from proposed
    left join accounts on proposed.proposed_account_id = accounts.account_id
    left join revenue on proposed.proposed_account_id = revenue.account_id
)

select * from final
