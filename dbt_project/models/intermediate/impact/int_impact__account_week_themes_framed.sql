{#
  Tickets about each theme that a delivery answers, by the account's week. A ticket about two themes counts for both. A
  week without a row had none. Themes are read anew on every run, so that a better rule speaks of the past too;
  what a model found is left out, since it learns, and would read the past of some accounts more sharply than of others.
#}
with

deliveries as (
    select * from {{ ref('int_impact__deliveries_framed') }}
),

accounts as (
    select * from {{ ref('int_impact__accounts_framed') }}
),

mentions as (
    select
        account_id,
        theme_id,
        cast({{ start_of('week', 'occurred_on') }} as timestamp) as asked_week
    from {{ ref('fct_feedback_themes') }}
    where object_type = 'ticket' and assigned_by <> 'model'
),

weeks as (
    select * from {{ ref('int_impact__weeks_recorded') }}
),

answered as (
    select distinct theme_id
    from deliveries
    where theme_id is not null
),

final as (
    select
        mentions.account_id,
        weeks.week,
        mentions.theme_id,
        cast(count(*) as bigint) as tickets
    from mentions
    inner join answered on mentions.theme_id = answered.theme_id
    inner join accounts on mentions.account_id = accounts.account_id and mentions.asked_week >= accounts.signup_week
    inner join weeks on mentions.asked_week = weeks.week
    group by mentions.account_id, weeks.week, mentions.theme_id
)

select * from final
