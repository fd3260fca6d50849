{#
  Every person record of every system, with the person's key and account. The key is the keyed hash of the e-mail
  address, so that one person is one key in all systems; whoever has none is one person per record. A merged record
  takes its survivor's key. Links to accounts are kept with their method.
#}
{% set carried = [
    'source_name', 'system', 'instance', 'vendor_person_id', 'email_key', 'email_domain', 'account_record_id', 'organization_ref',
    'account_external_id', 'is_staff', 'is_bot', 'team_source_key', 'first_seen_at', 'is_active', 'is_deleted',
] %}

with

people as (
    {{ union_sources('identity__people', {
        'person_ref': 'text',
        'system': 'text',
        'instance': 'text',
        'vendor_person_id': 'text',
        'email_key': 'text',
        'email_domain': 'text',
        'account_record_id': 'text',
        'organization_ref': 'text',
        'account_external_id': 'text',
        'merged_vendor_ids': 'text',
        'is_staff': 'boolean',
        'is_bot': 'boolean',
        'team_source_key': 'text',
        'first_seen_at': 'timestamp',
        'is_active': 'boolean',
        'is_deleted': 'boolean',
    }) }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

organizations as (
    select * from {{ ref('int_identity__organizations_resolved') }}
),

domains as (
    select * from {{ ref('int_identity__account_domains') }}
),

overrides as (
    select * from {{ ref('stg_governance__account_overrides') }}
),

absorbed as (
    {{ split_rows('people', ['person_ref', 'instance'], 'merged_vendor_ids', 'not listed.is_deleted') }}
),

merges as (
    select
        instance || ':' || member as person_ref,
        max(person_ref) as winner_ref
    from absorbed
    where instance || ':' || member <> person_ref
    group by instance || ':' || member
),

survivors as (
    select
        merges.person_ref,
        coalesce(third.winner_ref, second.winner_ref, merges.winner_ref) as survivor_ref
    from merges
    left join merges as second on merges.winner_ref = second.person_ref
    left join merges as third on second.winner_ref = third.person_ref
),

-- A record that was merged away is its survivor's under another id, whether or not it was ever read itself.
identified as (
    select
        people.person_ref,
        {%- for column in carried %}
        people.{{ column }},
        {%- endfor %}
        coalesce(people.email_key, {{ hashed_id(['people.person_ref']) }}) as person_key,
        false as is_merged
    from people
    left join survivors on people.person_ref = survivors.person_ref
    where survivors.person_ref is null

    union all

    select
        survivors.person_ref,
        {%- for column in carried %}
        people.{{ column }},
        {%- endfor %}
        coalesce(people.email_key, {{ hashed_id(['people.person_ref']) }}) as person_key,
        true as is_merged
    from survivors
    inner join people on survivors.survivor_ref = people.person_ref
),

staff_keys as (
    select distinct person_key
    from identified
    where is_staff or {{ is_own_domain('email_domain') }}
),

-- Governance may name the account of one person's record, or that of the group it is in.
governed_accounts as (
    select
        identified.person_ref,
        max(accounts.account_id) as account_id
    from identified
    inner join overrides
        on
            overrides.source in (identified.source_name, identified.instance)
            and overrides.external_id in (
                'person/' || identified.person_ref,
                'person/' || identified.vendor_person_id,
                identified.account_external_id
            )
    inner join accounts on overrides.account_id in (accounts.account_record_id, accounts.vendor_account_id)
    group by identified.person_ref
),

external_accounts as (
    select
        identified.person_ref,
        max(explicit.account_id) as account_id
    from identified
    inner join accounts as explicit
        on identified.account_external_id in (explicit.vendor_account_id, explicit.account_record_id)
    group by identified.person_ref
),

-- What the CRM says of the person, for systems that know the address only.
known_accounts as (
    select
        identified.person_key,
        max(accounts.account_id) as account_id
    from identified
    inner join accounts on identified.account_record_id = accounts.account_record_id
    group by identified.person_key
    having count(distinct accounts.account_id) = 1
),

linked as (
    select
        identified.*,
        governed_accounts.account_id as governed_account_id,
        accounts.account_id as record_account_id,
        organizations.account_id as organization_account_id,
        organizations.match_method as organization_match_method,
        external_accounts.account_id as external_account_id,
        known_accounts.account_id as known_account_id,
        domains.account_id as domain_account_id,
        staff_keys.person_key is not null as is_own_staff
    from identified
    left join accounts on identified.account_record_id = accounts.account_record_id
    left join governed_accounts on identified.person_ref = governed_accounts.person_ref
    left join organizations on identified.organization_ref = organizations.organization_ref
    left join external_accounts on identified.person_ref = external_accounts.person_ref
    left join known_accounts on identified.person_key = known_accounts.person_key
    left join domains on identified.email_domain = domains.domain
    left join staff_keys on identified.person_key = staff_keys.person_key
),

matched as (
    select
        linked.*,
        case
            when is_own_staff then null
            when governed_account_id is not null then 'governed'
            when record_account_id is not null then 'record'
            when organization_account_id is not null then 'organization'
            when external_account_id is not null then 'explicit_id'
            when known_account_id is not null then 'same_person'
            when domain_account_id is not null then 'domain'
        end as match_path
    from linked
),

final as (
    select
        person_ref,
        person_key,
        source_name,
        instance,
        system,
        is_own_staff as is_staff,
        is_bot,
        case match_path
            when 'governed' then governed_account_id
            when 'record' then record_account_id
            when 'organization' then organization_account_id
            when 'explicit_id' then external_account_id
            when 'same_person' then known_account_id
            when 'domain' then domain_account_id
        end as account_id,
        -- A person in an organisation is known as well as the organisation is.
        case when match_path = 'organization' then organization_match_method else match_path end as match_method,
        {{ match_confidence("case when match_path = 'organization' then organization_match_method else match_path end") }}
            as match_confidence,
        account_external_id,
        organization_ref,
        email_domain,
        team_source_key,
        first_seen_at,
        is_active,
        is_deleted,
        is_merged
    from matched
)

select * from final
