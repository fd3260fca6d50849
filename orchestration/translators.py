"""How dbt's nodes look in Dagster: key, group, owner, kinds, description.

Belongs here: naming. Does not belong here: when and how a node is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from orchestration.owners import DEFAULT_OWNER, as_owner

# What the build writes about itself; every other source is a vendor's.
OWN_SOURCE = "norte"
# In a model's meta `reads_raw_tables`, beside names of tables that it reads in every source.
ALL_RAW_TABLES = "*"
FRESH_FOR = timedelta(hours=26)
WARN_AFTER = timedelta(hours=6)


class NorteTranslator(DagsterDbtTranslator):
    """Keys follow the folders: `staging/<source>/...`, `intermediate/<domain>/...`, `marts/<domain>/...`."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The library's spec with our names."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        key = asset_key(props)
        attributes: dict[str, Any] = {
            "key": key,
            "group_name": group_name(key),
            "owners": [owner_of(props)],
            "description": props.get("description") or None,
            "kinds": {"dbt", manifest["metadata"].get("adapter_type") or "sql"},
        }
        if key.path[0] == "marts":
            attributes["freshness_policy"] = dg.FreshnessPolicy.time_window(
                fail_window=FRESH_FOR, warn_window=WARN_AFTER
            )
        read_by_name = _meta(props).get("reads_raw_tables", ())
        if read_by_name:
            declared = sorted(
                {
                    (node["source_name"], node["name"])
                    for node in manifest["sources"].values()
                    if asset_key(node).path[0] == "raw"
                }
            )
            vendors = sorted({vendor for vendor, _ in declared} - {OWN_SOURCE})
            known = {dep.asset_key for dep in spec.deps}
            named = [
                dg.AssetKey(["raw", vendor, table])
                for vendor in vendors
                for table in read_by_name
                if table != ALL_RAW_TABLES
            ]
            if ALL_RAW_TABLES in read_by_name:
                named += [
                    dg.AssetKey(["raw", vendor, table]) for vendor, table in declared if vendor in vendors
                ]
            attributes["deps"] = [*spec.deps, *(dg.AssetDep(key) for key in named if key not in known)]
        return spec.replace_attributes(**attributes)


def asset_key(props: Mapping[str, Any]) -> dg.AssetKey:
    """The asset key of a dbt node."""
    if props["resource_type"] == "source":
        named = _meta(props).get("dagster", {}).get("asset_key")
        if named:
            return dg.AssetKey(named)
        return dg.AssetKey(["raw", props["source_name"], props["name"]])
    if props["resource_type"] == "seed":
        return dg.AssetKey(["reference", props["name"]])
    folders = [part for part in props["fqn"][1:-1] if part]
    return dg.AssetKey([*folders, props["name"]])


def group_name(key: dg.AssetKey) -> str:
    """The group of an asset: its key without the last part."""
    return re.sub(r"[^A-Za-z0-9_]", "_", "_".join(key.path[:-1]))


def owner_of(props: Mapping[str, Any]) -> str:
    """The owner that the node's meta names, as Dagster writes owners."""
    return as_owner(str(_meta(props).get("owner") or DEFAULT_OWNER))


def _meta(props: Mapping[str, Any]) -> dict[str, Any]:
    return {**(props.get("meta") or {}), **((props.get("config") or {}).get("meta") or {})}
