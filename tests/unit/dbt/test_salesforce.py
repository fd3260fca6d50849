"""Salesforce's mappings where Salesforce is on: the other vendors' models are no part of the project then."""

from __future__ import annotations

import json
from typing import Any

MAPPINGS = ("int_crm__accounts_mapped_salesforce", "int_crm__deal_changes_mapped_salesforce")


def test_the_unit_tests_of_salesforces_mappings_pass(raw_warehouse: Any) -> None:
    raw_warehouse.dbt(
        "build",
        "--select",
        *(f"+{name}" for name in MAPPINGS),
        "--exclude-resource-type",
        "test",
        sources_enabled=["salesforce", "governance"],
    )
    results = json.loads((raw_warehouse.scratch / "target" / "run_results.json").read_text(encoding="utf-8"))
    statuses = {
        result["unique_id"]: result["status"]
        for result in results["results"]
        if result["unique_id"].startswith("unit_test.")
    }
    assert len(statuses) == len(MAPPINGS)
    assert set(statuses.values()) == {"pass"}, statuses
