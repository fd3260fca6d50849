{# The account of each organisation of a support system, by the ladder: governed override, explicit id, domain. #}
with

organizations as (
    {{ union_sources('identity__organizations', {
        'organization_ref': 'text',
        'vendor_organization_id': 'text',
        'instance': 'text',
        'account_external_id': 'text',
        'domain_names': 'text',
        'is_deleted': 'boolean',
    }) }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

domains as (
    select * from {{ ref('int_identity__account_domains') }}
),

overrides as (
    select * from {{ ref('stg_governance__account_overrides') }}
),

governed as (
    select
        organizations.organization_ref,
        max(accounts.account_id) as account_id
    from organizations
    inner join overrides
        on
            overrides.source in (organizations.source_name, organizations.instance)
            and overrides.external_id in (organizations.vendor_organization_id, organizations.organization_ref)
    inner join accounts on overrides.account_id in (accounts.account_record_id, accounts.vendor_account_id)
    group by organizations.organization_ref
),

explicit as (
    select
        organizations.organization_ref,
        max(accounts.account_id) as account_id
    from organizations
    inner join accounts
        on organizations.account_external_id in (accounts.vendor_account_id, accounts.account_record_id)
    group by organizations.organization_ref
),

by_domain as (
    select
        organizations.organization_ref,
        max(domains.account_id) as account_id
    from organizations
    inner join domains on {{ list_contains_value('organizations.domain_names', 'domains.domain') }}
    where organizations.domain_names is not null
    group by organizations.organization_ref
    having count(distinct domains.account_id) = 1
),

final as (
    select
        organizations.organization_ref,
        organizations.source_name,
        -- An explicit link to an account that is gone is an answer too: no lower rung is asked.
        case
            when governed.organization_ref is not null then governed.account_id
            when explicit.organization_ref is not null then explicit.account_id
            else by_domain.account_id
        end as account_id,
        case
            when governed.organization_ref is not null then 'governed'
            when explicit.organization_ref is not null then 'explicit_id'
            when by_domain.organization_ref is not null then 'domain'
        end as match_method
    from organizations
    left join governed on organizations.organization_ref = governed.organization_ref
    left join explicit on organizations.organization_ref = explicit.organization_ref
    left join by_domain on organizations.organization_ref = by_domain.organization_ref
)

select * from final
