"""The project where every vendor is on: also the models that a default company has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingestion.registry import available

PROJECT = Path(__file__).parents[3] / "dbt_project"
SALESFORCE = ("int_crm__accounts_mapped_salesforce", "int_crm__deal_changes_mapped_salesforce")


def test_every_model_compiles(raw_warehouse: Any) -> None:
    raw_warehouse.dbt("compile", sources_enabled=sorted(available()))
    target = raw_warehouse.target(sources_enabled=sorted(available()))
    compiled = {path.name for path in (target / "compiled").rglob("*.sql")}
    written = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "tests").rglob("*.sql")]
    assert {path.name for path in written} <= compiled


def test_the_unit_tests_of_salesforces_mappings_pass(raw_warehouse: Any) -> None:
    statuses = raw_warehouse.dbt(
        "build",
        "--select",
        *(f"+{name}" for name in SALESFORCE),
        "--exclude-resource-type",
        "test",
        sources_enabled=sorted(available()),
    )
    of_tests = {name: status for name, status in statuses.items() if name.startswith("unit_test.")}
    assert len(of_tests) == len(SALESFORCE)
    assert set(of_tests.values()) == {"pass"}, of_tests
