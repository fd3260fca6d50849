{#
  Intercom's statistics under our names: its moments are exact, and its durations leave out the hours outside opening
  where a workspace has such, so minutes are counted from the moments. It counts no replies and no waits.
#}
{{ config(enabled=source_is_enabled('intercom'), materialized='view') }}

with

conversations as (
    select * from {{ ref('stg_intercom__conversations') }}
    where not is_deleted
)

{% for measure, value in [
    ('reopen_count', 'reopen_count'),
    ('first_reply_minutes', seconds_between('created_at', 'first_admin_reply_at') ~ ' / 60.0'),
    ('first_resolution_minutes', seconds_between('created_at', 'first_close_at') ~ ' / 60.0'),
    ('full_resolution_minutes',
        "case when state = 'closed' then " ~ seconds_between('created_at', 'last_close_at') ~ ' / 60.0 end'),
] %}
select
    conversation_id as ticket_id,
    '{{ measure }}' as measure,
    cast({{ value }} as {{ type_double() }}) as vendor_value,
    false as is_of_ended_spans
from conversations
{% if not loop.last %}union all{% endif %}
{% endfor %}
