"""What is gone at the vendors is gone from the tables that people read, told or not."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from tests.vendors.ways import USUAL, run

pytestmark = [pytest.mark.vendors, pytest.mark.timeout(1800)]
EVERY = 9
# Table: the id of the vendor's record, and what still goes on there.
GOES_ON = {
    "delivery.fct_work_items": ("work_item_id", "done_at is null"),
    "metric.fct_deals": ("deal_id", "closed_at is null"),
    "metric.fct_tickets": ("ticket_id", "solved_at is null"),
}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[int]]]:
    """Numbers of records in each table, before and a week after a part of them vanished; and what goes on."""
    folder = tmp_path_factory.mktemp("vanishing")
    generate_world(folder / "world", seed=7, accounts=24, months=4)
    world = World.load(folder / "world")
    now = world.meta.as_of.astimezone(UTC)
    found: dict[str, dict[str, set[int]]] = {}
    with SandboxServer(world.path, now, scenario="generous") as server:
        found["before"] = numbers(run(USUAL, world, now, server, folder / "home"))
        silent = {"kind": "deletions", "every": EVERY, "leaves_trace": False}
        server.set_scenario(
            {
                "faults": {
                    "jira": [silent | {"tables": ["issues"]}],
                    "hubspot": [silent | {"tables": ["deals"]}],
                    "zendesk": [silent | {"tables": ["tickets"], "leaves_trace": True}],
                }
            }
        )
        later = now + timedelta(days=8)
        server.set_now(later)
        found["after"] = numbers(run(USUAL, world, later, server, folder / "home"))
    return found


def numbers(published: Path) -> dict[str, set[int]]:
    """Numbers of the records in each table; under `<table> open` of those that go on."""
    found: dict[str, set[int]] = {}
    with duckdb.connect(str(published), read_only=True) as opened:
        for table, (column, goes_on) in GOES_ON.items():
            for name, condition in ((table, "true"), (f"{table} open", goes_on)):
                sql = f"select split_part({column}, ':', 2)::bigint from {table} where {condition}"
                found[name] = {row[0] for row in opened.execute(sql).fetchall()}
    return found


@pytest.mark.parametrize("table", GOES_ON)
def test_what_is_gone_is_no_longer_counted(days: dict[str, dict[str, set[int]]], table: str) -> None:
    gone = {number for number in days["before"][table] if number % EVERY == 0}
    assert gone
    assert gone & days["after"][table] == set()

    others = {number for number in days["before"][table] if number % EVERY}
    # Some go by themselves within the week.
    assert len(others & days["after"][table]) > 0.9 * len(others)


def test_nothing_of_it_counts_as_going_on(days: dict[str, dict[str, set[int]]]) -> None:
    going_on = {table: days["before"][f"{table} open"] for table in GOES_ON}
    gone = {(table, number) for table, found in going_on.items() for number in found if number % EVERY == 0}
    after = {(table, number) for table in GOES_ON for number in days["after"][f"{table} open"]}
    assert gone
    assert gone & after == set()
