{#
  The audit is written by the ingestion into each source's dataset beside what it loaded; a source that has never
  loaded has none, so it is no dbt source. Rows of a load that never completed do not count.
#}
with

audited as (
    {%- set found = [] %}
    {%- for source_name in var('sources_enabled') %}
    {%- set audit = api.Relation.create(
        database=target.database, schema='raw_' ~ source_name, identifier='load_audit'
    ) %}
    {%- if execute and load_relation(audit) %}{% do found.append((source_name, audit)) %}{% endif %}
    {%- endfor %}
    {%- for source_name, audit in found %}
    select
        cast('{{ source_name }}' as {{ type_text() }}) as source_name,
        load_id,
        resource,
        row_count,
        rejected_count,
        completed_at
    from {{ audit }}
    {% if not loop.last %}union all{% endif %}
    {%- else %}
    {{ typed_empty({
        'source_name': 'text', 'load_id': 'text', 'resource': 'text', 'row_count': 'bigint',
        'rejected_count': 'bigint', 'completed_at': 'timestamp'
    }) }}
    {%- endfor %}
),

schema_versions as (
    {%- set found = [] %}
    {%- for source_name in var('sources_enabled') %}
    {%- set versions = api.Relation.create(
        database=target.database, schema='raw_' ~ source_name, identifier='_dlt_version'
    ) %}
    {%- if execute and load_relation(versions) %}{% do found.append((source_name, versions)) %}{% endif %}
    {%- endfor %}
    {%- for source_name, versions in found %}
    select
        cast('{{ source_name }}' as {{ type_text() }}) as source_name,
        count(*) as version_count
    from {{ versions }}
    {% if not loop.last %}union all{% endif %}
    {%- else %}
    {{ typed_empty({'source_name': 'text', 'version_count': 'bigint'}) }}
    {%- endfor %}
),

final as (
    select
        audited.source_name,
        audited.resource,
        cast(sum(audited.row_count) as bigint) as row_count,
        cast(sum(audited.rejected_count) as bigint) as rejected_count,
        max(audited.completed_at) as last_loaded_at,
        cast(max(schema_versions.version_count) - 1 as bigint) as schema_change_count
    from audited
    inner join {{ ref('stg_loads') }} as loads
        on audited.source_name = loads.source_name and audited.load_id = loads.load_id
    left join schema_versions on audited.source_name = schema_versions.source_name
    group by audited.source_name, audited.resource
)

select * from final
