{#
  What each day of work cost: at the governed rate of the team that had the item on that day, as of that day, else at
  that for all, in reporting currency at the one rate of the day's fiscal year. Unknown without a rate.
#}
with

day_rates as (
    select
        team_id,
        amount,
        currency,
        coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(
            lead(valid_from) over (partition by team_id order by coalesce(valid_from, cast('1900-01-01' as date))),
            cast('2999-01-01' as date)
        ) as valid_to
    from {{ ref('stg_governance__day_rates') }}
),

final as (
    select
        days_worked.work_item_id,
        days_worked.assignee_id,
        days_worked.date_on,
        days_worked.month_start_on,
        days_worked.team_id,
        days_worked.people_days,
        days_worked.people_days * coalesce(team_rates.amount, common_rates.amount) * rates.rate as cost_amount,
        rates.reporting_currency as cost_currency
    from {{ ref('int_delivery__team_days_worked') }} as days_worked
    left join day_rates as team_rates
        on
            days_worked.team_id = team_rates.team_id
            and days_worked.date_on >= team_rates.valid_from
            and days_worked.date_on < team_rates.valid_to
    left join day_rates as common_rates
        on
            common_rates.team_id is null
            and days_worked.date_on >= common_rates.valid_from
            and days_worked.date_on < common_rates.valid_to
    left join {{ ref('int_revenue__fiscal_rates') }} as rates
        on
            coalesce(team_rates.currency, common_rates.currency) = rates.currency
            and days_worked.date_on >= rates.starts_on
            and days_worked.date_on < rates.ends_on
)

select * from final
