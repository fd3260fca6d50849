with

themes as (
    select * from {{ ref('stg_governance__themes') }}
),

readings as (
    select * from {{ ref('stg_insight__themes') }}
),

final as (
    select
        themes.theme_id,
        themes.name_en,
        themes.name_pt,
        themes.description as definition,
        themes.parent_id,
        themes.owner,
        themes.status,
        themes.merged_into,
        readings.counts_as_theme_id,
        coalesce(readings.counts_as_theme_id = themes.theme_id, false) as is_counted,
        themes.since_on,
        cast(coalesce(readings.rule_count, 0) as bigint) as rule_count,
        cast(coalesce(readings.example_count, 0) as bigint) as example_count,
        readings.taxonomy_version
    from themes
    left join readings on themes.theme_id = readings.theme_id
)

select * from final
