-- What was committed and added, less what was removed, was either completed or carried over.
select
    sprint_id,
    committed_item_count + added_item_count - removed_item_count as item_count_at_end,
    completed_item_count + carried_over_item_count as outcome_count
from {{ ref('fct_sprints') }}
where
    completed_at is not null
    and committed_item_count + added_item_count - removed_item_count
    <> completed_item_count + carried_over_item_count
