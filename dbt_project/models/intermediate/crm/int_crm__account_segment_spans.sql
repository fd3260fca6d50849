{#
  Which segment an account was in, when. The first known segment reaches back to the beginning. By instant for what
  happens at one; by day (the segment at the end of the company's day) for what is counted daily.
#}
with

changes as (
    {{ union_sources('crm__account_segments', {
        'account_record_id': 'text',
        'segment': 'text',
        'changed_at': 'timestamp',
    }) }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

numbered as (
    select
        changes.account_record_id as account_id,
        coalesce(changes.segment, 'unassigned') as segment,
        changes.changed_at,
        row_number() over (
            partition by changes.account_record_id order by changes.changed_at, changes.segment
        ) as change_number,
        lead(changes.changed_at) over (
            partition by changes.account_record_id order by changes.changed_at, changes.segment
        ) as next_changed_at
    from changes
),

spans as (
    select
        account_id,
        segment,
        case when change_number = 1 then cast('1900-01-01' as timestamp) else changed_at end as valid_from_at,
        coalesce(next_changed_at, cast('2999-01-01' as timestamp)) as valid_to_at
    from numbered

    union all

    -- No history: the segment of today is the only one known.
    select
        accounts.account_id,
        accounts.segment,
        cast('1900-01-01' as timestamp) as valid_from_at,
        cast('2999-01-01' as timestamp) as valid_to_at
    from accounts
    left join numbered on accounts.account_id = numbered.account_id and numbered.change_number = 1
    where numbered.account_id is null
),

final as (
    select
        spans.account_id,
        spans.segment,
        spans.valid_from_at,
        spans.valid_to_at,
        case
            when spans.valid_from_at = cast('1900-01-01' as timestamp) then cast('1900-01-01' as date)
            else {{ to_local_date('spans.valid_from_at') }}
        end as valid_from_on,
        case
            when spans.valid_to_at = cast('2999-01-01' as timestamp) then cast('2999-01-01' as date)
            else {{ to_local_date('spans.valid_to_at') }}
        end as valid_to_on
    from spans
    inner join accounts on spans.account_id = accounts.account_id
)

select * from final
