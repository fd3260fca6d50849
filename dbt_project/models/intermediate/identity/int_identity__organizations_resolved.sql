{#
  The account of each organisation of a support system, by the ladder: governed override, explicit id, domain, exact
  name within the country. What leads to several accounts leads to none.
#}
with

organizations as (
    {{ union_sources('identity__organizations', {
        'organization_ref': 'text',
        'vendor_organization_id': 'text',
        'instance': 'text',
        'account_external_id': 'text',
        'organization_name': 'text',
        'domain_names': 'text',
        'country': 'text',
        'created_at': 'timestamp',
        'is_deleted': 'boolean',
    }) }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

domains as (
    select * from {{ ref('int_identity__account_domains') }}
),

names as (
    select * from {{ ref('int_identity__account_names') }}
),

countries as (
    select * from {{ ref('countries') }}
),

overrides as (
    select * from {{ ref('stg_governance__account_overrides') }}
),

named as (
    select
        organizations.*,
        {{ organization_name_key('organizations.organization_name') }} as name_key,
        coalesce(countries.country_code, organizations.country) as country_code
    from organizations
    left join countries on organizations.country in (countries.country_code, countries.country_name)
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

organization_domains as (
    {{ split_rows('organizations', ['organization_ref'], 'domain_names') }}
),

by_domain as (
    select
        organization_domains.organization_ref,
        max(domains.account_id) as account_id
    from organization_domains
    inner join domains on organization_domains.member = domains.domain
    group by organization_domains.organization_ref
    having count(distinct domains.account_id) = 1
),

by_name as (
    select
        named.organization_ref,
        max(names.account_id) as account_id
    from named
    inner join names
        on
            named.name_key = names.name_key
            and named.country_code = names.country_code
            and names.namesake_count = 1
    group by named.organization_ref
),

matched as (
    select
        named.organization_ref,
        named.source_name,
        named.instance,
        named.name_key,
        named.country_code,
        named.domain_names,
        named.created_at,
        named.is_deleted,
        -- An explicit link to an account that is gone is an answer too: no lower rung is asked.
        case
            when governed.organization_ref is not null then governed.account_id
            when explicit.organization_ref is not null then explicit.account_id
            when by_domain.organization_ref is not null then by_domain.account_id
            else by_name.account_id
        end as account_id,
        case
            when governed.organization_ref is not null then 'governed'
            when explicit.organization_ref is not null then 'explicit_id'
            when by_domain.organization_ref is not null then 'domain'
            when by_name.organization_ref is not null then 'name_in_country'
        end as match_method
    from named
    left join governed on named.organization_ref = governed.organization_ref
    left join explicit on named.organization_ref = explicit.organization_ref
    left join by_domain on named.organization_ref = by_domain.organization_ref
    left join by_name on named.organization_ref = by_name.organization_ref
),

final as (
    select
        organization_ref,
        source_name,
        instance,
        name_key,
        country_code,
        domain_names,
        created_at,
        is_deleted,
        account_id,
        match_method,
        {{ match_confidence('match_method') }} as match_confidence
    from matched
)

select * from final
