"""Staging keeps the latest version of each key, whatever the order in which versions arrive."""

from __future__ import annotations

from typing import Any

CURRENT = "select company_id, company_name, is_deleted from staging.stg_hubspot__companies order by 1"
SELECTED = (
    "run",
    "-s",
    "stg_loads",
    "stg_hubspot__companies",
    "stg_hubspot__pipelines",
    "stg_hubspot__pipeline_stages",
)


def _company(
    key: str, name: str | None, version: str, changed: str, read: str, **more: Any
) -> dict[str, Any]:
    return {
        "_key": key,
        "company_id": key,
        "name": name,
        "_version_id": version,
        "_source_updated_at": changed,
        "_extracted_at": read,
        **more,
    }


def _pipeline(version: str, read: str) -> dict[str, Any]:
    return {"_key": "p", "pipeline_id": "p", "label": "Sales", "_version_id": version, "_extracted_at": read}


def _stage(stage: str, parent: str, read: str) -> dict[str, Any]:
    return {
        "_key": f"p:{stage}",
        "pipeline_id": "p",
        "stage_id": stage,
        "_parent_version_id": parent,
        "_version_id": f"{stage}-{parent}",
        "_extracted_at": read,
    }


def test_each_load_counts_once_and_the_right_version_wins(raw_warehouse: Any) -> None:
    """Late old versions, a deletion and a restoration, a load never completed, a list that shrinks."""
    raw_warehouse.load(
        "hubspot",
        "companies",
        "20",
        [
            _company("a", "new", "v2", "2026-01-02", "2026-01-05"),
            _company("a", "old", "v1", "2026-01-01", "2026-01-05"),
            _company("b", "kept", "w1", "2026-01-02", "2026-01-05"),
        ],
    )
    raw_warehouse.load("hubspot", "pipelines", "21", [_pipeline("p1", "2026-01-05")])
    raw_warehouse.load(
        "hubspot",
        "pipeline_stages",
        "21b",
        [_stage("s1", "p1", "2026-01-05"), _stage("s2", "p1", "2026-01-05")],
    )
    raw_warehouse.load(
        "hubspot",
        "companies",
        "22",
        [_company("c", "never committed", "x1", "2026-01-02", "2026-01-05")],
        is_complete=False,
    )
    raw_warehouse.dbt(*SELECTED)
    assert raw_warehouse.execute(CURRENT) == [("hubspot:a", "new", False), ("hubspot:b", "kept", False)]
    assert _stages(raw_warehouse) == ["hubspot:s1", "hubspot:s2"]

    # Its id is lower than those already read: a maximum would miss it.
    raw_warehouse.load(
        "hubspot",
        "companies",
        "10",
        [
            _company("a", "older still, late", "v0", "2025-12-31", "2026-01-06"),
            _company("b", None, "w2", "2026-01-02", "2026-01-06", _is_deleted=True),
        ],
    )
    raw_warehouse.load("hubspot", "pipelines", "11", [_pipeline("p2", "2026-01-06")])
    raw_warehouse.load("hubspot", "pipeline_stages", "11b", [_stage("s2", "p2", "2026-01-06")])
    raw_warehouse.dbt(*SELECTED)
    assert raw_warehouse.execute(CURRENT) == [("hubspot:a", "new", False), ("hubspot:b", None, True)]
    assert _stages(raw_warehouse) == ["hubspot:s2"]

    raw_warehouse.load(
        "hubspot", "companies", "30", [_company("b", "back", "w1", "2026-01-02", "2026-01-07")]
    )
    raw_warehouse.dbt(*SELECTED)
    in_steps = raw_warehouse.execute(CURRENT)
    assert in_steps == [("hubspot:a", "new", False), ("hubspot:b", "back", False)]

    raw_warehouse.dbt(*SELECTED, "--full-refresh")
    assert raw_warehouse.execute(CURRENT) == in_steps
    batches = raw_warehouse.execute("select batch_id, count(*) from staging.stg_loads group by 1 order by 1")
    assert batches == [(1, 3), (2, 3), (3, 1)]


def _stages(raw_warehouse: Any) -> list[str]:
    rows = raw_warehouse.execute("select stage_id from staging.stg_hubspot__pipeline_stages order by 1")
    return [row[0] for row in rows]


# dbt, listing the raw tables slowly; whoever else asks for one asks when the first has been noted.
SLOW_LISTING = """
import threading, time
from dbt.adapters.base.impl import BaseAdapter
from dbt.adapters.cache import RelationsCache

add, list_relations = RelationsCache.add, BaseAdapter.list_relations
asked, noted = [], threading.Event()

def add_slowly(self, relation):
    add(self, relation)
    if relation.schema == "raw_governance":
        noted.set()
        time.sleep(0.03)

def list_when_noted(self, database, schema):
    if schema == "raw_governance":
        asked.append(threading.get_ident())
        if len(asked) > 1:
            noted.wait(10)
    return list_relations(self, database, schema)

RelationsCache.add, BaseAdapter.list_relations = add_slowly, list_when_noted
"""


def test_no_table_is_missed_while_dbt_lists_them(raw_warehouse: Any) -> None:
    """dbt takes a schema for listed as soon as it has noted the first of its tables."""
    raw_warehouse.dbt("run", "-s", "stg_loads")
    models = ("stg_governance__decisions", "stg_governance__teams")
    raw_warehouse.dbt_alone(SLOW_LISTING, "run", "-s", *models, "--threads", "2")
    views = raw_warehouse.execute(
        "select view_name from duckdb_views() where view_name in ($1, $2)"
        " and contains(sql, 'raw_governance') order by 1",
        models,
    )
    assert [name for (name,) in views] == list(models)
