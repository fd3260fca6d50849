with

teams as (
    select * from {{ ref('stg_governance__teams') }}
),

final as (
    select
        team_id,
        min(name) as team_name,
        min(kind) as team_kind,
        min(owner) as owner,
        {{ joined_values("source || ':' || source_key", ',') }} as source_keys
    from teams
    group by team_id
)

select * from final
