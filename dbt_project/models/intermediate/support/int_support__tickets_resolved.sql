{#
  Tickets with their account, people and team. Deleted tickets and those of accounts that do not count (tests, own
  staff) are left out here, once for all.
#}
with

tickets as (
    {{ union_sources('support__tickets', {
        'ticket_id': 'text',
        'instance': 'text',
        'vendor_ticket_id': 'text',
        'organization_ref': 'text',
        'requester_ref': 'text',
        'assignee_ref': 'text',
        'team_source_key': 'text',
        'channel': 'text',
        'ticket_type': 'text',
        'priority': 'text',
        'status': 'text',
        'tags': 'text',
        'subject': 'text',
        'description': 'text',
        'is_merged': 'boolean',
        'created_at': 'timestamp',
        'is_deleted': 'boolean',
        'support_url': 'text',
    }) }}
),

organizations as (
    select * from {{ ref('int_identity__organizations_resolved') }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

teams as (
    select
        source,
        source_key,
        max(team_id) as team_id
    from {{ ref('stg_governance__teams') }}
    group by source, source_key
),

linked as (
    select
        tickets.*,
        -- The organisation's word first; an organisation that leads nowhere leaves it to the requester.
        case
            when organizations.match_method is not null then organizations.account_id
            else requesters.account_id
        end as account_id,
        coalesce(organizations.match_method, requesters.match_method) as match_method,
        requesters.person_key as requester_person_key,
        coalesce(requesters.is_staff, false) as is_from_staff,
        assignees.person_key as assignee_person_key,
        teams.team_id
    from tickets
    left join organizations on tickets.organization_ref = organizations.organization_ref
    left join people as requesters on tickets.requester_ref = requesters.person_ref
    left join people as assignees on tickets.assignee_ref = assignees.person_ref
    left join teams on tickets.team_source_key = teams.source_key and tickets.source_name = teams.source
    where not tickets.is_deleted
),

final as (
    select linked.*
    from linked
    left join accounts on linked.account_id = accounts.account_record_id
    where not linked.is_from_staff and not coalesce(accounts.is_excluded, false)
)

select * from final
