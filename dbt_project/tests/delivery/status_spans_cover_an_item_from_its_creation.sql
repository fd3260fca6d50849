-- Every item has spans, and the first begins in the moment in which the item was created.
select
    work_items.work_item_id,
    work_items.created_at,
    spans.started_at
from {{ ref('fct_work_items') }} as work_items
left join {{ ref('fct_status_spans') }} as spans
    on work_items.work_item_id = spans.work_item_id and spans.is_first
where spans.started_at is null or spans.started_at <> work_items.created_at
