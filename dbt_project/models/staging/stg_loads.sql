{#
  Kept through a full refresh: batch numbers are what every staging model remembers, so they must never start again.
  dlt's own table of loads is not declared as a source: it is no entity of a vendor, and a source that has never
  loaded has none.
#}
{{ config(incremental_strategy='append', full_refresh=false) }}

with

completed as (
    {%- set found = [] %}
    {%- for source_name in var('sources_enabled') %}
    {%- set loads = api.Relation.create(
        database=target.database, schema='raw_' ~ source_name, identifier='_dlt_loads'
    ) %}
    {%- if execute and load_relation(loads) %}{% do found.append((source_name, loads)) %}{% endif %}
    {%- endfor %}
    {%- for source_name, loads in found %}
    select
        cast('{{ source_name }}' as {{ type_text() }}) as source_name,
        cast(load_id as {{ type_text() }}) as load_id,
        cast({{ to_utc('inserted_at') }} as timestamp) as loaded_at
    from {{ loads }}
    where status = 0
    {% if not loop.last %}union all{% endif %}
    {%- else %}
    {{ typed_empty({'source_name': 'text', 'load_id': 'text', 'loaded_at': 'timestamp'}) }}
    {%- endfor %}
),

final as (
    select
        completed.source_name,
        completed.load_id,
        max(completed.loaded_at) as loaded_at,
        {%- if is_incremental() %}
        (select coalesce(max(known.batch_id), 0) + 1 from {{ this }} as known) as batch_id
        {%- else %}
        cast(1 as bigint) as batch_id
        {%- endif %}
    from completed
    {%- if is_incremental() %}
    left join {{ this }} as registered
        on completed.source_name = registered.source_name and completed.load_id = registered.load_id
    where registered.load_id is null
    {%- endif %}
    group by completed.source_name, completed.load_id
)

select * from final
