-- Known contributions and the unexplained rest sum to the movement of their key result; there is one rest each.
with

sums as (
    select
        key_result_id,
        max(movement_value) as movement_value,
        sum(contribution_value) as contribution_value,
        sum(case when contributor_kind = 'unexplained' then 1 else 0 end) as rest_count
    from {{ ref('mart_impact__key_result_attribution') }}
    group by key_result_id
)

select *
from sums
where abs(contribution_value - movement_value) > 0.000001 * (1 + abs(movement_value)) or rest_count <> 1
