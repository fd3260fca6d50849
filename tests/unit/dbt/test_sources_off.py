"""A company without one of the vendors still gets every mart."""

from __future__ import annotations

from typing import Any


def test_marts_are_built_without_any_vendor(raw_warehouse: Any) -> None:
    """Models of a source that is off are no part of the project; what needs them gets no rows."""
    raw_warehouse.execute("drop schema raw_zendesk cascade")
    raw_warehouse.dbt("build", "--exclude-resource-type", "unit_test", sources_enabled=["governance"])
    marts = dict(
        raw_warehouse.execute(
            "select schema_name || '.' || table_name, column_count from duckdb_tables() "
            "where schema_name in ('metric', 'insight', 'delivery', 'governance')"
        )
    )
    assert marts["metric.fct_tickets"] > 20
    assert marts["insight.fct_feedback"] > 10
    staged = raw_warehouse.execute(
        "select distinct split_part(table_name, '__', 1) from information_schema.tables "
        "where table_schema = 'staging' and table_name <> 'stg_loads'"
    )
    assert sorted(staged) == [("stg_governance",), ("stg_impact",), ("stg_insight",), ("stg_trends",)]


def test_a_source_that_has_never_loaded_holds_up_nobody(raw_warehouse: Any) -> None:
    """It is on, but its dataset does not exist yet."""
    raw_warehouse.dbt(
        "build", "--exclude-resource-type", "unit_test", sources_enabled=["governance", "hubspot", "zendesk"]
    )
    assert raw_warehouse.execute("select count(*) from metric.fct_tickets") == [(0,)]
