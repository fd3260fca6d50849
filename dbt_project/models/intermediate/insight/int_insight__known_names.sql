{# The insight engine hides these names in what an account's people, or the person themselves, write. #}
{{ config(materialized='view') }}

with

names as (
    {{ union_sources('insight__person_names', {
        'person_ref': 'text',
        'person_name': 'text',
    }) }}
),

people as (
    select * from {{ ref('int_identity__people_resolved') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts_resolved') }}
),

final as (
    select distinct
        accounts.account_id,
        people.person_key,
        names.person_name
    from names
    inner join people on names.person_ref = people.person_ref
    left join accounts on people.account_id = accounts.account_record_id
    where names.person_name is not null and not people.is_staff
)

select * from final
