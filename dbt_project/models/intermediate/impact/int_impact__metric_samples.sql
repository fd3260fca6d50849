{# What a median over several days is read from: every measured value, on its day, in its segment and in all. #}
with

tickets as (
    select * from {{ ref('fct_tickets') }}
),

measured as (
    select
        'first_reply_minutes_median' as metric_id,
        segment,
        created_on as date_on,
        first_reply_minutes as value
    from tickets
    where first_reply_minutes is not null
    union all
    select
        'full_resolution_minutes_median' as metric_id,
        segment,
        solved_on as date_on,
        full_resolution_minutes as value
    from tickets
    where full_resolution_minutes is not null and not is_merged
),

final as (
    select
        metric_id,
        segment,
        date_on,
        value
    from measured
    where segment is not null
    union all
    select
        metric_id,
        'all' as segment,
        date_on,
        value
    from measured
)

select * from final
