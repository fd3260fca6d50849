-- The shares of a connection's records of one kind add up to 1; so do those of today's ARR, where there is any.
select
    source_name,
    instance,
    object_kind
from {{ ref('mart_insight__identity_audit') }}
group by source_name, instance, object_kind
having
    abs(sum(object_ratio) - 1) > 0.000001
    or abs(coalesce(sum(arr_ratio), 1) - 1) > 0.000001
