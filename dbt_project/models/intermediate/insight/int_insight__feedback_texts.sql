{#
  What the insight engine reads. Copies of one message are looked for within an account: the same words of another
  customer are another voice. An answer to a survey, and the reason of a lost deal, is no copy of another.
#}
{{ config(materialized='view') }}

select
    feedback_id,
    source,
    object_type,
    account_id,
    person_key,
    case
        when object_type in ('ticket', 'crm_note') then coalesce(account_id, person_key, feedback_id)
        else feedback_id
    end as duplicate_scope,
    occurred_at,
    feedback_text
from {{ ref('int_insight__feedback_items') }}
