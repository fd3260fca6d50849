"""dbt's own unit tests: the traps of the definitions, each as a few rows in and a few rows out."""

from __future__ import annotations

import json
from typing import Any


def test_the_unit_tests_of_the_models_pass(raw_warehouse: Any) -> None:
    """The build leaves them out, since they say nothing about a company's data: here they are run."""
    raw_warehouse.dbt("build", "--exclude-resource-type", "test")
    results = json.loads((raw_warehouse.scratch / "target" / "run_results.json").read_text(encoding="utf-8"))
    statuses = {
        result["unique_id"]: result["status"]
        for result in results["results"]
        if result["unique_id"].startswith("unit_test.")
    }
    assert len(statuses) >= 30
    assert {name for name, status in statuses.items() if status != "pass"} == set()
