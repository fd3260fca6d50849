{{ config(enabled=source_is_enabled('salesforce'), materialized='view') }}

with

accounts as (
    select * from {{ ref('stg_salesforce__accounts') }}
),

-- A merge's loser names its survivor, here turned round. Salesforce forgets losers when the bin is emptied.
absorbed as (
    select
        master_record_id as account_id,
        {{ joined_values('vendor_account_id', ';') }} as merged_vendor_ids
    from accounts
    where master_record_id is not null
    group by master_record_id
),

final as (
    select
        accounts.account_id as account_record_id,
        -- By what product and support know it.
        coalesce(accounts.account_key, accounts.vendor_account_id) as vendor_account_id,
        accounts._instance as instance,
        accounts.account_name,
        accounts.domain,
        accounts.country,
        accounts.industry,
        accounts.employee_count,
        accounts.segment,
        accounts.is_test_account,
        accounts.owner_id as owner_ref,
        accounts.created_at,
        absorbed.merged_vendor_ids,
        -- A merged record lives on in its survivor, unless that is deleted.
        accounts.is_deleted and coalesce(seconds.is_deleted, survivors.is_deleted, true) as is_deleted,
        '{{ var("crm_link_base") }}/lightning/r/Account/' || accounts.vendor_account_id || '/view' as crm_url
    from accounts
    left join absorbed on accounts.account_id = absorbed.account_id
    left join accounts as survivors on accounts.master_record_id = survivors.account_id
    left join accounts as seconds on survivors.master_record_id = seconds.account_id
)

select * from final
