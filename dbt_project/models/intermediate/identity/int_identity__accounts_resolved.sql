{#
  Every account record that the CRM ever held, with the account it stands for today: itself, or the survivor of a
  merge, followed to its end. Null where that is deleted. A record merged away before it was ever read is known from
  its survivor alone.
#}
with

accounts as (
    {{ union_sources('crm__accounts', {
        'account_record_id': 'text',
        'vendor_account_id': 'text',
        'instance': 'text',
        'account_name': 'text',
        'domain': 'text',
        'country': 'text',
        'industry': 'text',
        'employee_count': 'bigint',
        'segment': 'text',
        'is_test_account': 'boolean',
        'owner_ref': 'text',
        'created_at': 'timestamp',
        'merged_vendor_ids': 'text',
        'is_deleted': 'boolean',
        'crm_url': 'text',
    }) }}
),

overrides as (
    select * from {{ ref('stg_governance__account_overrides') }}
),

-- The survivor lists whom it took in; a chain of merges is followed four deep.
absorbed as (
    {{ split_rows(
        'accounts', ['account_record_id', 'source_name', 'instance'], 'merged_vendor_ids', 'not listed.is_deleted'
    ) }}
),

merges as (
    select
        instance || ':' || member as account_record_id,
        max(member) as vendor_account_id,
        max(source_name) as source_name,
        max(instance) as instance,
        max(account_record_id) as winner_id
    from absorbed
    where instance || ':' || member <> account_record_id
    group by instance || ':' || member
),

records as (
    select account_record_id, vendor_account_id, source_name, instance from accounts
    union
    select merges.account_record_id, merges.vendor_account_id, merges.source_name, merges.instance
    from merges
    -- A record that was read says itself by which id others know it.
    left join accounts on merges.account_record_id = accounts.account_record_id
    where accounts.account_record_id is null
),

survivors as (
    select
        records.account_record_id,
        records.vendor_account_id,
        records.source_name,
        records.instance,
        coalesce(
            fourth.winner_id, third.winner_id, second.winner_id, first.winner_id, records.account_record_id
        ) as survivor_id
    from records
    left join merges as first on records.account_record_id = first.account_record_id
    left join merges as second on first.winner_id = second.account_record_id
    left join merges as third on second.winner_id = third.account_record_id
    left join merges as fourth on third.winner_id = fourth.account_record_id
),

governed as (
    select
        accounts.account_record_id,
        max(overrides.reason) as reason
    from accounts
    inner join overrides
        on
            overrides.source in (accounts.source_name, accounts.instance)
            and overrides.external_id in (accounts.vendor_account_id, accounts.account_record_id)
    where overrides.is_excluded
    group by accounts.account_record_id
),

final as (
    select
        survivors.account_record_id,
        survivors.vendor_account_id,
        survivors.source_name,
        survivors.instance,
        case when not standing.is_deleted then survivors.survivor_id end as account_id,
        survivors.survivor_id <> survivors.account_record_id as is_merged,
        standing.is_deleted,
        standing.is_test_account or governed.account_record_id is not null as is_excluded,
        case
            when governed.account_record_id is not null then coalesce(governed.reason, 'governed')
            when standing.is_test_account then 'test account'
        end as excluded_reason,
        standing.account_name,
        standing.domain,
        upper(trim(standing.country)) as country,
        standing.industry,
        standing.employee_count,
        coalesce(standing.segment, 'unassigned') as segment,
        standing.owner_ref,
        standing.created_at,
        standing.crm_url
    from survivors
    inner join accounts as standing on survivors.survivor_id = standing.account_record_id
    left join governed on survivors.survivor_id = governed.account_record_id
)

select * from final
