{#
  Survey answers and notes with their account and person; with and without text, since scores count without. What
  belongs to accounts that do not count, or comes from own staff, is left out; so is a rating of a left-out ticket.
#}
with

feedback as (
    {{ union_sources('insight__feedback', {
        'object_type': 'text',
        'object_id': 'text',
        'vendor_object_id': 'text',
        'instance': 'text',
        'ticket_id': 'text',
        'deal_id': 'text',
        'account_record_id': 'text',
        'person_ref': 'text',
        'occurred_at': 'timestamp',
        'kind': 'text',
        'score': 'double',
        'score_scale': 'text',
        'body': 'text',
        'has_text': 'boolean',
        'source_url': 'text',
    }) }}
),

tickets as (
    select * from {{ ref('int_support__tickets_resolved') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

linked as (
    select
        feedback.*,
        tickets.tags,
        coalesce(people.person_key, tickets.requester_person_key) as person_key,
        coalesce(people.is_staff, false) as is_from_staff,
        case
            when feedback.ticket_id is not null then tickets.account_id
            else coalesce(feedback.account_record_id, people.account_id)
        end as found_account_id
    from feedback
    left join tickets on feedback.ticket_id = tickets.ticket_id
    left join people on feedback.person_ref = people.person_ref
    where feedback.ticket_id is null or tickets.ticket_id is not null
),

final as (
    select
        linked.object_type,
        linked.object_id,
        linked.vendor_object_id,
        linked.source_name,
        linked.instance,
        accounts.account_id,
        linked.person_key,
        linked.deal_id,
        linked.occurred_at,
        linked.kind,
        linked.score,
        linked.score_scale,
        linked.tags,
        linked.body,
        linked.has_text,
        linked.source_url
    from linked
    left join accounts on linked.found_account_id = accounts.account_record_id
    where not linked.is_from_staff and not coalesce(accounts.is_excluded, false)
)

select * from final
