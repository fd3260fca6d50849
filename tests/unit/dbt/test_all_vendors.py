"""The project where every vendor is on: also the models that a default company has not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingestion.registry import available

PROJECT = Path(__file__).parents[3] / "dbt_project"
SALESFORCE = ("int_crm__accounts_mapped_salesforce", "int_crm__deal_changes_mapped_salesforce")


def test_every_model_compiles(raw_warehouse: Any) -> None:
    raw_warehouse.dbt("compile", sources_enabled=sorted(available()))
    compiled = {path.name for path in (raw_warehouse.scratch / "target" / "compiled").rglob("*.sql")}
    written = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "tests").rglob("*.sql")]
    assert {path.name for path in written} <= compiled


def test_the_unit_tests_of_salesforces_mappings_pass(raw_warehouse: Any) -> None:
    raw_warehouse.dbt(
        "build",
        "--select",
        *(f"+{name}" for name in SALESFORCE),
        "--exclude-resource-type",
        "test",
        sources_enabled=sorted(available()),
    )
    results = json.loads((raw_warehouse.scratch / "target" / "run_results.json").read_text(encoding="utf-8"))
    statuses = {
        result["unique_id"]: result["status"]
        for result in results["results"]
        if result["unique_id"].startswith("unit_test.")
    }
    assert len(statuses) == len(SALESFORCE)
    assert set(statuses.values()) == {"pass"}, statuses
