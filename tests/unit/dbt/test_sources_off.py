"""A company that has no rows of one of its vendors yet."""

from __future__ import annotations

from typing import Any


def test_a_source_that_has_never_loaded_holds_up_nobody(raw_warehouse: Any) -> None:
    """It is on, but its dataset does not exist yet."""
    raw_warehouse.execute("drop schema raw_zendesk cascade")
    unneeded = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    raw_warehouse.dbt("build", *unneeded, sources_enabled=["governance", "hubspot", "zendesk"])
    assert raw_warehouse.execute("select count(*) from metric.fct_tickets") == [(0,)]
