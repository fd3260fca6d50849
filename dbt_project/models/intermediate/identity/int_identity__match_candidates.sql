{#
  Accounts that an unmatched organisation, or group of product analytics, may belong to, and why. Every join is on a
  key that names few (a domain, a reduced name, the start of a name that at most five accounts share), so that the
  work grows with the number of records. Nothing here matches anything: people read mart_insight__identity_review.
#}
with

organizations as (
    select * from {{ ref('int_identity__organizations_resolved') }}
    where match_method is null and not is_deleted
),

groups as (
    select * from {{ ref('int_identity__groups_resolved') }}
    where match_method is null
),

names as (
    select * from {{ ref('int_identity__account_names') }}
),

accounts as (
    select
        account_id,
        domain
    from {{ ref('int_identity__accounts_resolved') }}
    where account_id = account_record_id
),

free_mail as (
    select * from {{ ref('free_mail_domains') }}
),

domains as (
    select * from {{ ref('int_identity__account_domains') }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
    where not is_staff and not is_bot and is_active and not is_deleted and not is_merged
),

organization_domains as (
    {{ split_rows('organizations', ['organization_ref'], 'domain_names') }}
),

known_people as (
    select
        person_key,
        max(account_id) as account_id
    from people
    where account_id is not null
    group by person_key
    having count(distinct account_id) = 1
),

found as (
    select
        'organization' as object_kind,
        organizations.organization_ref as object_ref,
        names.account_id,
        case
            when organizations.country_code = names.country_code then 'same_name_in_country_shared'
            when organizations.country_code is null or names.country_code is null then 'same_name_country_unknown'
            else 'same_name_other_country'
        end as reason,
        cast(null as bigint) as person_count
    from organizations
    inner join names on organizations.name_key = names.name_key

    union all

    -- The domain is that of several accounts, so that it points to none.
    select
        'organization' as object_kind,
        organization_domains.organization_ref as object_ref,
        accounts.account_id,
        'same_domain_shared' as reason,
        cast(null as bigint) as person_count
    from organization_domains
    inner join accounts on organization_domains.member = accounts.domain
    left join free_mail on accounts.domain = free_mail.domain
    where free_mail.domain is null and not {{ is_own_domain('accounts.domain') }}

    union all

    select
        'organization' as object_kind,
        organizations.organization_ref as object_ref,
        domains.account_id,
        'domain_of_its_people' as reason,
        count(distinct people.person_key) as person_count
    from organizations
    inner join people on organizations.organization_ref = people.organization_ref
    inner join domains on people.email_domain = domains.domain
    group by organizations.organization_ref, domains.account_id

    union all

    select
        'organization' as object_kind,
        organizations.organization_ref as object_ref,
        names.account_id,
        'similar_name' as reason,
        cast(null as bigint) as person_count
    from organizations
    inner join names
        on
            substring(organizations.name_key, 1, 10) = names.name_start
            and names.similar_count <= 5
    where length(organizations.name_key) >= 10 and organizations.name_key <> names.name_key

    union all

    select
        'group' as object_kind,
        groups.group_ref as object_ref,
        known_people.account_id,
        'account_of_its_people' as reason,
        count(distinct people.person_key) as person_count
    from groups
    inner join people
        on groups.instance = people.instance and groups.account_external_id = people.account_external_id
    inner join known_people on people.person_key = known_people.person_key
    group by groups.group_ref, known_people.account_id
),

weighed as (
    select
        found.*,
        cast(
            case found.reason
                when 'same_name_in_country_shared' then 1
                when 'same_domain_shared' then 2
                when 'domain_of_its_people' then 3
                when 'account_of_its_people' then 3
                when 'same_name_country_unknown' then 4
                when 'same_name_other_country' then 5
                else 6
            end as bigint
        ) as reason_rank
    from found
),

per_account as (
    select
        object_kind,
        object_ref,
        account_id,
        min(reason_rank) as reason_rank,
        max(person_count) as person_count,
        count(*) as reason_count
    from weighed
    group by object_kind, object_ref, account_id
),

ranked as (
    select
        per_account.object_kind,
        per_account.object_ref,
        per_account.account_id,
        weighed.reason,
        per_account.person_count,
        per_account.reason_count,
        row_number() over (
            partition by per_account.object_kind, per_account.object_ref
            order by
                per_account.reason_count desc,
                per_account.reason_rank,
                coalesce(per_account.person_count, 0) desc,
                per_account.account_id
        ) as candidate_rank
    from per_account
    inner join weighed
        on
            per_account.object_kind = weighed.object_kind
            and per_account.object_ref = weighed.object_ref
            and per_account.account_id = weighed.account_id
            and per_account.reason_rank = weighed.reason_rank
),

final as (
    select
        object_kind,
        object_ref,
        account_id,
        reason,
        person_count,
        reason_count,
        candidate_rank
    from ranked
    where candidate_rank <= 5
)

select * from final
