{# Each kind of finding is one select: what is wrong, with what, since when, who could mend it and how. #}
with

key_results as (
    select * from {{ ref('mart_impact__key_results') }}
),

objectives as (
    select * from {{ ref('stg_governance__objectives') }}
),

decisions as (
    select * from {{ ref('mart_impact__decisions') }}
),

themes as (
    select * from {{ ref('stg_governance__themes') }}
),

deliveries as (
    select * from {{ ref('dim_deliveries') }}
),

-- What the impact engine could say of a delivery, on any metric.
verdicts as (
    select
        delivery_id,
        max(case when verdict in ('improved', 'worsened', 'no_detectable_effect') then 1 else 0 end) as has_verdict,
        max(case when verdict = 'too_early' then 1 else 0 end) as is_early,
        max(case when verdict = 'not_measurable' then 1 else 0 end) as has_failed
    from {{ ref('fct_delivery_impact') }}
    where is_current
    group by delivery_id
),

teams as (
    select * from {{ ref('dim_teams') }}
),

metrics as (
    select * from {{ ref('dim_metrics') }}
),

organizations as (
    {{ union_sources('identity__organizations', {
        'organization_ref': 'text',
        'vendor_organization_id': 'text',
        'created_at': 'timestamp',
        'is_deleted': 'boolean',
    }) }}
),

organization_matches as (
    select * from {{ ref('int_identity__organizations_resolved') }}
),

named_metrics as (
    select metric_id, owner from {{ ref('stg_governance__metrics') }}
    union
    select metric_id, owner from {{ ref('stg_governance__key_results') }}
    union
    select expected_metric_id as metric_id, decider as owner from {{ ref('stg_governance__decisions') }}
    union
    select
        delivery_metrics.metric_id,
        deliveries.owner
    from {{ ref('stg_governance__delivery_metrics') }} as delivery_metrics
    inner join deliveries on delivery_metrics.delivery_id = deliveries.delivery_id
),

findings as (
    select
        'key_result_without_owner' as finding_kind,
        'key_result' as subject_kind,
        key_results.key_result_id as subject_id,
        key_results.name as subject_name,
        objectives.owner,
        key_results.starts_on as since_on,
        'Name an owner in key_results.yml.' as remedy
    from key_results
    left join objectives on key_results.objective_id = objectives.objective_id
    where key_results.owner is null
    union all
    select
        'key_result_without_value' as finding_kind,
        'key_result' as subject_kind,
        key_result_id as subject_id,
        name as subject_name,
        owner,
        starts_on as since_on,
        'Nothing can be checked in: ' || missing_reason
        || '. Correct its metric or segment in key_results.yml, or see why the source is silent.' as remedy
    from key_results
    where
        status = 'running'
        and missing_reason is not null
    union all
    select
        'decision_past_review' as finding_kind,
        'decision' as subject_kind,
        decision_id as subject_id,
        title as subject_name,
        decider as owner,
        review_on as since_on,
        'Look at what it did, then set the next review_on in decisions.yml or take it out.' as remedy
    from decisions
    where is_past_review
    union all
    select
        'theme_without_owner' as finding_kind,
        'theme' as subject_kind,
        theme_id as subject_id,
        coalesce(name_en, name_pt) as subject_name,
        cast(null as {{ type_text() }}) as owner,
        cast(null as date) as since_on,
        'Name an owner in the theme''s file.' as remedy
    from themes
    where
        owner is null
        and coalesce(status, 'active') <> 'retired'
    union all
    select
        'delivery_never_measured' as finding_kind,
        'delivery' as subject_kind,
        deliveries.delivery_id as subject_id,
        deliveries.delivery_name as subject_name,
        coalesce(deliveries.owner, teams.owner) as owner,
        deliveries.released_on as since_on,
        'Say in deliveries.yml which metrics it was meant to move.' as remedy
    from deliveries
    left join teams on deliveries.team_id = teams.team_id
    left join verdicts on deliveries.delivery_id = verdicts.delivery_id
    where
        deliveries.status = 'released'
        and deliveries.metric_ids is null
        and coalesce(verdicts.has_verdict, 0) = 0
        and coalesce(verdicts.has_failed, 0) = 0
    union all
    -- It was tried: that nobody measured it would be wrong, and that it was measured too.
    select
        'delivery_not_measurable' as finding_kind,
        'delivery' as subject_kind,
        deliveries.delivery_id as subject_id,
        deliveries.delivery_name as subject_name,
        coalesce(deliveries.owner, teams.owner) as owner,
        deliveries.released_on as since_on,
        'Read the reason in fct_delivery_impact; give the next one to waves, an experiment or a list of accounts.'
            as remedy
    from deliveries
    inner join verdicts on deliveries.delivery_id = verdicts.delivery_id
    left join teams on deliveries.team_id = teams.team_id
    where
        deliveries.status = 'released'
        and verdicts.has_failed = 1
        and verdicts.has_verdict = 0
        and verdicts.is_early = 0
    union all
    select
        'metric_without_owner' as finding_kind,
        'metric' as subject_kind,
        metric_id as subject_id,
        metric_name as subject_name,
        cast(null as {{ type_text() }}) as owner,
        cast(null as date) as since_on,
        'Name an owner in metrics.yml.' as remedy
    from metrics
    where owner is null
    union all
    select
        'metric_without_definition' as finding_kind,
        'metric' as subject_kind,
        named_metrics.metric_id as subject_id,
        named_metrics.metric_id as subject_name,
        max(named_metrics.owner) as owner,
        cast(null as date) as since_on,
        'No metric has this id: correct it in the governance files.' as remedy
    from named_metrics
    left join metrics on named_metrics.metric_id = metrics.metric_id
    where
        named_metrics.metric_id is not null
        and metrics.metric_id is null
    group by named_metrics.metric_id
    union all
    select
        'organization_without_account' as finding_kind,
        'organization' as subject_kind,
        organizations.organization_ref as subject_id,
        organizations.organization_ref as subject_name,
        cast(null as {{ type_text() }}) as owner,
        {{ to_local_date('organizations.created_at') }} as since_on,
        'Give it the CRM''s id or domain in ' || organizations.source_name
        || ', or name its account in accounts.csv.' as remedy
    from organizations
    inner join organization_matches
        on organizations.organization_ref = organization_matches.organization_ref
    where
        organization_matches.account_id is null
        and not organizations.is_deleted
),

final as (
    select
        finding_kind,
        subject_kind,
        subject_id,
        subject_name,
        owner,
        since_on,
        cast({{ dbt.datediff('since_on', today(), 'day') }} as bigint) as age_days,
        remedy
    from findings
)

select * from final
