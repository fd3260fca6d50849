{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

accounts as (
    select * from {{ ref('stg_salesforce__accounts') }}
),

segment_changes as (
    select
        history.account_id,
        history.old_value,
        history.new_value,
        history.changed_at,
        row_number() over (
            partition by history.account_id order by history.changed_at, history.account_history_id
        ) as change_number
    from {{ ref('stg_salesforce__account_history') }} as history
    where history.column_name = 'segment' and not history.is_deleted
),

final as (
    select
        accounts.account_id as account_record_id,
        segment_changes.old_value as segment,
        accounts.created_at as changed_at
    from segment_changes
    inner join accounts on segment_changes.account_id = accounts.account_id
    where segment_changes.change_number = 1

    union all

    select
        account_id as account_record_id,
        new_value as segment,
        changed_at
    from segment_changes
)

select * from final
