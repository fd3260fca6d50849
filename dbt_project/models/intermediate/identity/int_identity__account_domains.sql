{# The accounts that an e-mail's or an organisation's domain points to: company domains that exactly one account has. #}
with

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

free_mail as (
    select * from {{ ref('free_mail_domains') }}
),

final as (
    select
        accounts.domain,
        max(accounts.account_id) as account_id
    from accounts
    left join free_mail on accounts.domain = free_mail.domain
    where
        accounts.account_id = accounts.account_record_id
        and accounts.domain is not null
        and free_mail.domain is null
        and not {{ is_own_domain('accounts.domain') }}
    group by accounts.domain
    having count(*) = 1
)

select * from final
