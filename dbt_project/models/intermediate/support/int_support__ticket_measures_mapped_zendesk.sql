{#
  Zendesk's calendar measures under our names. Its agent wait is the time spent pending, which is none of ours. Waits
  and holds count a status once it is left; replies and solutions stand as they are.
#}
{{ config(enabled=source_is_enabled('zendesk'), materialized='view') }}

{% for measure, column, is_of_ended_spans in [
    ('reopen_count', 'reopens', false),
    ('agent_reply_count', 'replies', false),
    ('first_reply_minutes', 'reply_time_minutes', false),
    ('first_resolution_minutes', 'first_resolution_minutes', false),
    ('full_resolution_minutes', 'full_resolution_minutes', false),
    ('requester_wait_minutes', 'requester_wait_minutes', true),
    ('on_hold_minutes', 'on_hold_minutes', true),
] %}
select
    ticket_id,
    '{{ measure }}' as measure,
    cast({{ column }} as {{ type_double() }}) as vendor_value,
    {{ is_of_ended_spans }} as is_of_ended_spans
from {{ ref('stg_zendesk__ticket_metrics') }}
where not is_deleted
{% if not loop.last %}union all{% endif %}
{% endfor %}
