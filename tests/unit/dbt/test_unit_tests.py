"""dbt's own unit tests: the traps of the definitions, each as a few rows in and a few rows out."""

from __future__ import annotations

from typing import Any


def test_the_unit_tests_of_the_models_pass(raw_warehouse: Any) -> None:
    """The build leaves them out, since they say nothing about a company's data: here they are run."""
    statuses = raw_warehouse.dbt("build", "--exclude-resource-type", "test")
    of_tests = {name: status for name, status in statuses.items() if name.startswith("unit_test.")}
    assert len(of_tests) >= 30
    assert {name for name, status in of_tests.items() if status != "pass"} == set()
