{#
  The weeks that the impact engine looks at: from the first that usage and support have both recorded in full, to the
  last that was over for three days, since phones send what they did offline later. A system that has never recorded
  anything does not delay the others.
#}
with

usage_days as (
    select * from {{ ref('int_metric__person_days_active') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

begun as (
    select min(date_on) as first_on from usage_days
    union all
    select {{ to_local_date('min(created_at)') }} as first_on from tickets
),

bounds as (
    select max(first_on) as first_on from begun
),

days as (
    {{ date_spine('(select bounds.first_on from bounds)', add_days(today(), -9)) }}
),

final as (
    select
        cast(date_on as timestamp) as week,
        date_on as monday_on,
        {{ add_days('date_on', 6) }} as sunday_on
    from days
    where {{ day_of_week('date_on') }} = 1
)

select * from final
