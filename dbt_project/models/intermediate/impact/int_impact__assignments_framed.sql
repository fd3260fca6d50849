{#
  Which arm of an experiment, or which wave of a phased rollout, each account was in. Accounts that were merged after
  they had been put into different arms belong to none; one that the list itself puts into two stays in both, for the
  engine to refuse.
#}
with

assignments as (
    select * from {{ ref('stg_governance__delivery_assignments') }}
),

waves as (
    select * from {{ ref('stg_governance__delivery_waves') }}
),

deliveries as (
    select * from {{ ref('int_delivery__deliveries_dated') }}
    where rollout in ('experiment', 'phased')
),

records as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

accounts as (
    select * from {{ ref('int_impact__accounts_framed') }}
),

segments as (
    select * from {{ ref('int_crm__account_segment_spans') }}
),

listed as (
    select
        delivery_id,
        account_ref,
        arm,
        {{ to_local_date('assigned_at') }} as starts_on
    from assignments
    union all
    select
        delivery_id,
        member as account_ref,
        wave as arm,
        starts_on
    from waves
    where member_kind = 'account'
),

by_record as (
    select
        listed.delivery_id,
        records.account_record_id,
        records.account_id,
        listed.arm,
        min(coalesce(listed.starts_on, {{ to_local_date('deliveries.released_at') }})) as starts_on
    from listed
    inner join deliveries on listed.delivery_id = deliveries.delivery_id
    inner join records on listed.account_ref in (records.account_record_id, records.vendor_account_id)
    where records.account_id is not null
    group by listed.delivery_id, records.account_record_id, records.account_id, listed.arm
),

standings as (
    select
        delivery_id,
        account_id,
        count(distinct arm) as arm_count,
        count(*) as row_count,
        count(distinct account_record_id) as record_count
    from by_record
    group by delivery_id, account_id
),

by_account as (
    select
        by_record.delivery_id,
        by_record.account_id,
        by_record.arm,
        min(by_record.starts_on) as starts_on
    from by_record
    inner join standings
        on by_record.delivery_id = standings.delivery_id and by_record.account_id = standings.account_id
    where
        standings.arm_count = 1
        or standings.row_count > standings.record_count
    group by by_record.delivery_id, by_record.account_id, by_record.arm
),

by_cell as (
    -- whoever was a customer by the release, by the segment of then; the narrower cell wins
    select
        waves.delivery_id,
        accounts.account_id,
        waves.wave as arm,
        waves.starts_on,
        dense_rank() over (
            partition by waves.delivery_id, accounts.account_id
            order by case when waves.member = segments.segment then 2 else 1 end
        ) as narrowness
    from waves
    inner join deliveries on waves.delivery_id = deliveries.delivery_id
    inner join accounts on deliveries.released_at >= accounts.signup_week
    inner join segments
        on
            accounts.account_id = segments.account_id
            and deliveries.released_at >= segments.valid_from_at
            and deliveries.released_at < segments.valid_to_at
    where
        waves.member_kind = 'segment'
        and waves.member in (segments.segment, segments.segment || ':' || accounts.region)
),

final as (
    select
        by_account.delivery_id,
        by_account.account_id,
        by_account.arm,
        by_account.starts_on
    from by_account
    inner join accounts on by_account.account_id = accounts.account_id
    union all
    select
        by_cell.delivery_id,
        by_cell.account_id,
        by_cell.arm,
        by_cell.starts_on
    from by_cell
    left join by_account on by_cell.delivery_id = by_account.delivery_id and by_cell.account_id = by_account.account_id
    where by_cell.narrowness = 1 and by_account.account_id is null
)

select * from final
