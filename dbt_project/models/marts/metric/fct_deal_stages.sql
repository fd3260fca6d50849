with

deals as (
    select * from {{ ref('fct_deals') }}
),

changes as (
    {{ union_sources('crm__deal_changes', {
        'deal_id': 'text',
        'field_name': 'text',
        'field_value': 'text',
        'changed_at': 'timestamp',
    }) }}
),

stages as (
    {{ union_sources('crm__deal_stages', {
        'stage_id': 'text',
        'pipeline_id': 'text',
        'stage_name': 'text',
        'position': 'bigint',
        'probability_ratio': 'double',
        'is_closed': 'boolean',
        'is_won': 'boolean',
    }) }}
),

-- A deal without history has been in its stage since it was created.
entries as (
    select
        deals.deal_id,
        coalesce(changes.field_value, deals.stage_id) as stage_id,
        coalesce(changes.changed_at, deals.created_at) as entered_at
    from deals
    left join changes on deals.deal_id = changes.deal_id and changes.field_name = 'stage'
),

moves as (
    select
        entries.*,
        lag(stage_id) over (partition by deal_id order by entered_at, stage_id) as previous_stage_id
    from entries
),

stays as (
    select
        moves.deal_id,
        row_number() over (partition by moves.deal_id order by moves.entered_at, moves.stage_id) as stay_number,
        moves.stage_id,
        moves.previous_stage_id,
        moves.entered_at,
        lead(moves.entered_at) over (partition by moves.deal_id order by moves.entered_at, moves.stage_id) as left_at,
        stages.stage_name,
        stages.position,
        coalesce(stages.is_closed, false) as is_closed,
        coalesce(stages.is_won, false) as is_won,
        previous_stages.position as previous_position
    from moves
    left join stages on moves.stage_id = stages.stage_id
    left join stages as previous_stages on moves.previous_stage_id = previous_stages.stage_id
    where moves.previous_stage_id is null or moves.previous_stage_id <> moves.stage_id
),

-- What the deal's fields said on entering; the day it closed overwrites what was expected, so that does not count.
known as (
    select
        stays.deal_id,
        stays.stay_number,
        changes.field_name,
        changes.field_value,
        row_number() over (
            partition by stays.deal_id, stays.stay_number, changes.field_name
            order by changes.changed_at desc, changes.field_value desc
        ) as recency
    from stays
    inner join changes on stays.deal_id = changes.deal_id
    where
        changes.field_value <> ''
        and (
            (changes.field_name = 'amount' and changes.changed_at <= stays.entered_at)
            or (changes.field_name = 'close_at' and changes.changed_at < stays.entered_at)
            or (changes.field_name = 'close_at' and changes.changed_at = stays.entered_at and not stays.is_closed)
        )
),

as_of_entry as (
    select
        deal_id,
        stay_number,
        max(case when field_name = 'amount' then {{ dbt.safe_cast('field_value', type_amount()) }} end) as amount,
        max(
            case
                when field_name = 'close_at'
                    then {{ expected_close_date(dbt.safe_cast('field_value', 'timestamp')) }}
            end
        ) as expected_close_on
    from known
    where recency = 1
    group by deal_id, stay_number
),

final as (
    select
        {{ hashed_id(['stays.deal_id', 'stays.stay_number']) }} as deal_stage_id,
        stays.deal_id,
        deals.account_id,
        deals.segment,
        cast(stays.stay_number as bigint) as stay_number,
        deals.pipeline_id,
        stays.stage_id,
        stays.stage_name,
        stays.entered_at,
        stays.left_at,
        case
            when stays.left_at is null and stays.is_closed then null
            else {{ seconds_between('stays.entered_at', 'coalesce(stays.left_at, ' ~ now_utc() ~ ')') }} / 86400
        end as duration_days,
        stays.stay_number = 1 as is_first,
        stays.left_at is null as is_current,
        stays.is_closed,
        stays.is_won,
        coalesce(stays.position < stays.previous_position, false) as is_backward,
        as_of_entry.amount,
        deals.currency,
        as_of_entry.expected_close_on
    from stays
    inner join deals on stays.deal_id = deals.deal_id
    left join as_of_entry on stays.deal_id = as_of_entry.deal_id and stays.stay_number = as_of_entry.stay_number
)

select * from final
