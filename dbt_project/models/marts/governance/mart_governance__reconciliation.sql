{#
  The vendor's figures and ours, side by side, for the tickets that we count. Whole minutes at the vendor against exact
  ones here: less than a minute apart is rounding.
#}
with

vendor_measures as (
    {{ union_sources('support__ticket_measures', {
        'ticket_id': 'text',
        'measure': 'text',
        'vendor_value': 'double',
        'is_of_ended_spans': 'boolean',
    }) }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

our_measures as (
    {%- for measure in [
        'reopen_count', 'agent_reply_count', 'first_reply_minutes', 'first_resolution_minutes',
        'full_resolution_minutes', 'requester_wait_minutes', 'on_hold_minutes'
    ] %}
    select
        ticket_id,
        solved_at,
        '{{ measure }}' as measure,
        cast({{ measure }} as {{ type_double() }}) as our_value
    from tickets
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

compared as (
    select
        vendor_measures.source_name,
        our_measures.measure,
        our_measures.ticket_id,
        vendor_measures.vendor_value,
        our_measures.our_value,
        our_measures.our_value - vendor_measures.vendor_value as difference,
        case
            when vendor_measures.vendor_value is null and our_measures.our_value is null then 'equal'
            when our_measures.our_value = vendor_measures.vendor_value then 'equal'
            when
                our_measures.measure like '%minutes'
                and abs(our_measures.our_value - vendor_measures.vendor_value) < 1
                then 'rounding'
            when
                vendor_measures.is_of_ended_spans
                and our_measures.solved_at is null
                and our_measures.our_value >= coalesce(vendor_measures.vendor_value, 0)
                then 'still_running'
            -- the vendor counts a reopening at once, we with the solution that follows it
            when
                our_measures.measure = 'reopen_count'
                and our_measures.solved_at is null
                and vendor_measures.vendor_value = our_measures.our_value + 1
                then 'still_running'
            when vendor_measures.vendor_value is null then 'only_ours'
            when our_measures.our_value is null then 'only_vendor'
            else 'unexplained'
        end as difference_kind
    from our_measures
    inner join vendor_measures
        on
            our_measures.ticket_id = vendor_measures.ticket_id
            and our_measures.measure = vendor_measures.measure
),

per_ticket as (
    select
        source_name,
        measure,
        ticket_id,
        vendor_value,
        our_value,
        difference,
        difference_kind,
        cast(1 as bigint) as ticket_count,
        cast(case when difference_kind in ('equal', 'rounding') then 1 else 0 end as bigint) as agreeing_ticket_count,
        abs(difference) as largest_difference
    from compared
    where
        vendor_value is not null
        or our_value is not null
),

summed as (
    -- of the tickets for which both have a value; the worst kind of all of them
    select
        source_name,
        measure,
        'all' as ticket_id,
        {{ stable_sum('case when difference is not null then vendor_value end') }} / nullif(count(difference), 0) as vendor_value,
        {{ stable_sum('case when difference is not null then our_value end') }} / nullif(count(difference), 0) as our_value,
        {{ stable_sum('difference') }} / nullif(count(difference), 0) as difference,
        case
            when max(case when difference_kind = 'unexplained' then 1 else 0 end) = 1 then 'unexplained'
            when max(case when difference_kind = 'only_vendor' then 1 else 0 end) = 1 then 'only_vendor'
            when max(case when difference_kind = 'only_ours' then 1 else 0 end) = 1 then 'only_ours'
            when max(case when difference_kind = 'still_running' then 1 else 0 end) = 1 then 'still_running'
            when max(case when difference_kind = 'rounding' then 1 else 0 end) = 1 then 'rounding'
            else 'equal'
        end as difference_kind,
        count(*) as ticket_count,
        sum(agreeing_ticket_count) as agreeing_ticket_count,
        max(largest_difference) as largest_difference
    from per_ticket
    group by source_name, measure
),

unioned as (
    select
        source_name, measure, ticket_id, vendor_value, our_value, difference, difference_kind, ticket_count,
        agreeing_ticket_count, largest_difference
    from per_ticket
    union all
    select
        source_name, measure, ticket_id, vendor_value, our_value, difference, difference_kind, ticket_count,
        agreeing_ticket_count, largest_difference
    from summed
),

final as (
    select
        source_name,
        measure,
        ticket_id,
        vendor_value,
        our_value,
        difference,
        difference_kind,
        cast(ticket_count as bigint) as ticket_count,
        cast(agreeing_ticket_count as bigint) as agreeing_ticket_count,
        largest_difference
    from unioned
)

select * from final
