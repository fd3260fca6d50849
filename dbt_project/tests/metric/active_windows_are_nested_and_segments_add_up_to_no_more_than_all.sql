with

active as (
    select * from {{ ref('mart_metric__active_daily') }}
),

segments as (
    select
        date_on,
        sum(active_account_7d_count) as active_account_7d_count
    from active
    where segment <> 'all'
    group by date_on
)

select
    active.date_on,
    active.segment
from active
left join segments on active.date_on = segments.date_on and active.segment = 'all'
where
    active.active_person_1d_count < 0
    or active.active_person_1d_count > active.active_person_7d_count
    or active.active_person_7d_count > active.active_person_28d_count
    or active.active_account_1d_count > active.active_account_7d_count
    or active.active_account_7d_count > active.active_account_28d_count
    or active.active_account_7d_count < segments.active_account_7d_count
