"""A vendor that changes its objects' form is told with the column that suffers, by few objects already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from expectations.check import CheckOutcome
from expectations.contract import CONTRACTS
from expectations.runner import run_suites


class Closed:
    """A sandbox account's warehouse, as the checks open it."""

    def __init__(self, account: Any) -> None:
        self._account = account

    @contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def sql_address(self) -> tuple[str, dict[str, Any]]:
        address: tuple[str, dict[str, Any]] = self._account.warehouse.sql_address()
        return address


def told(account: Any, now: datetime) -> dict[str, CheckOutcome]:
    """The checks of fields that fail, as of now."""
    outcomes = run_suites("raw", Closed(account), now=now, names=[account.vendor])
    return {o.check: o for o in outcomes if not o.success and o.check.endswith("fields")}


# What the scenario retypes, and the column that is read from it.
READ = {
    "zendesk": ("tickets", "tags", "tags"),
    "hubspot": ("deals", "properties.amount", "amount"),
    "mixpanel": ("events", "properties.company_id", "account_external_id"),
    "jira": ("issues", "fields.customfield_10016", "story_points"),
    "amplitude": ("events", "groups", "account_external_id"),
}


@pytest.mark.faults
@pytest.mark.parametrize("source", READ)
def test_a_field_that_comes_as_another_type_alerts_with_the_column_read_from_it(
    source: str, account: Callable[[str], Any]
) -> None:
    table, field, column = READ[source]
    opened = account(source)
    now = opened.world.meta.as_of.replace(tzinfo=UTC)
    opened.load(now)
    later = now + timedelta(days=1)
    every_column_has_a_field(source, opened)
    opened.server.set_scenario("schema_drift")
    opened.load(later)
    found = told(opened, later)
    fields = found.pop(f"{table}__fields")
    assert fields.failing_keys == (field,)
    assert fields.observed.endswith(f"read into {column}")
    assert fields.severity == "warn"
    # What nobody reads is a notice: the new field, and the same name elsewhere.
    assert all(outcome.severity == "notice" for outcome in found.values()), found
    assert any("new_field" in o.observed or "customfield_19999" in o.observed for o in found.values())


def every_column_has_a_field(source: str, account: Any) -> None:
    """The contract names, for each column, a field that the vendor sends, or says that there is none."""
    contract = yaml.safe_load(Path(CONTRACTS / f"{source}.yml").read_text(encoding="utf-8"))
    for table, promise in contract["tables"].items():
        if promise.get("parent"):
            continue
        rows = account.query(f"select payload from raw_{source}.{table} where not _is_deleted limit 2000")
        text = "".join(row[0] for row in rows).lower().replace("_", "")
        fields = {column: column for column in promise["columns"]} | promise.get("fields", {})
        named = {c: f.split(".")[-1] for c, f in fields.items() if f and "*" not in f}
        missing = {c for c, f in named.items() if f'{f.lower().replace("_", "")}":' not in text}
        assert not rows or missing <= NOT_IN_A_YOUNG_COMPANY, (table, missing)


# Fields that are left out while they are empty.
NOT_IN_A_YOUNG_COMPANY = {"archived_at", "hs_merged_object_ids", "rating", "comment"}
