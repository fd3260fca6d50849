"""A small deterministic vendor without HTTP, and a process that ingests it and can be killed at a named
moment.

Belongs here: what the tests of the run's durability share. Run as a script: one ingestion, killed by
SIGKILL from within at the `count`-th time that `phase` is reached; phase `none` is never reached.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob
from dlt.normalize.normalize import Normalize

from ingestion import registry
from ingestion.pipeline import LoadSummary, run_source
from ingestion.settings import ConnectionSettings
from ingestion.source import Batch, Malformed, Record, Resource, RunContext, Slice
from ingestion.warehouses.duckdb import DuckDBWarehouse

NOW = datetime(2026, 10, 5, 6, tzinfo=UTC)
DAYS = 4
PHASES = ("extract", "normalise", "load", "commit", "committed")

ORDERS = Resource(
    "orders",
    ("order_id",),
    {"order_id": "text", "email": "text", "amount": "double", "updated_at": "timestamp"},
    updated_at="updated_at",
    personal=("email",),
    keyed=("email",),
)
LINES = Resource(
    "order_lines", ("order_id", "line_id"), {"order_id": "text", "line_id": "text"}, parent="orders"
)
CLICKS = Resource(
    "clicks", ("click_id",), {"click_id": "text", "at": "timestamp"}, updated_at="at", is_append_only=True
)


class Ledger:
    """Four days of orders, each day a slice that overlaps the day before; a day's orders change the day
    after.
    """

    name = "ledger"
    resources = (ORDERS, LINES, CLICKS)

    def __init__(self, reached: Callable[[str], None] = lambda phase: None) -> None:
        self._reached = reached

    def settings_class(self) -> type[ConnectionSettings]:
        return ConnectionSettings

    def slices(self, settings: ConnectionSettings, context: RunContext) -> Iterator[Slice]:
        for day in range(int(context.state.get("day", 0)) + 1, DAYS + 1):
            yield Slice(f"day {day}", self._batches(day, context), lambda day=day: {"day": day})

    def _batches(self, day: int, context: RunContext) -> Iterator[Batch]:
        for number in range(max(1, day - 1), day + 1):
            self._reached("extract")
            yield Batch("orders", [self._order(number, item, day) for item in range(5)])
            yield Batch("clicks", [self._click(number, item) for item in range(7)])
        yield Batch("orders", [Malformed("expected an order", {"day": day})])
        if day == DAYS:
            gone = sorted(context.known.keys("orders", prefix="1-"))[:2]
            yield Batch("orders", [Record({"order_id": key}, is_deleted=True) for key in gone])

    def _order(self, number: int, item: int, day: int) -> Record:
        key = f"{number}-{item}"
        values = {
            "order_id": key,
            "email": f"P{number}@x.example",
            "amount": number * 10 + item + (0.5 if day > number and item == 0 else 0),
            "updated_at": f"2026-09-0{number}T10:0{item}:00Z",
        }
        lines = [{"order_id": key, "line_id": str(line)} for line in range(item)]
        return Record(values, payload=values, children={"order_lines": lines})

    def _click(self, number: int, item: int) -> Record:
        values = {"click_id": f"{number}:{item}", "at": f"2026-09-0{number}T11:0{item}:00Z"}
        return Record(values, payload=values)


def ingest(
    folder: Path,
    reached: Callable[[str], None] = lambda phase: None,
    *,
    now: datetime = NOW,
    settings: ConnectionSettings | None = None,
) -> LoadSummary:
    """One run into `folder/norte.duckdb`."""
    discovered = registry.available
    registry.available = lambda: {"ledger": Ledger(reached)}  # type: ignore[assignment]
    try:
        return run_source(
            "ledger",
            warehouse=DuckDBWarehouse(folder / "norte.duckdb"),
            pipelines_dir=folder / "pipelines",
            now=now,
            person_key_secret="secret",
            settings=settings or ConnectionSettings(),
        )
    finally:
        registry.available = discovered


def completed_rows(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What readers see: every table's rows of completed loads, without what differs from run to run."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with duckdb.connect(str(folder / "norte.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw_ledger' "
            "and not starts_with(table_name, '_dlt')"
        ).fetchall()
        for (table,) in tables:
            skipped = "_dlt_load_id, load_id" if table == "load_audit" else "_dlt_load_id"
            found[table] = connection.execute(
                f"select * exclude ({skipped}) from raw_ledger.{table} where _dlt_load_id in "
                "(select load_id from raw_ledger._dlt_loads where status = 0) order by all"
            ).fetchall()
    return found


def leftover_count(folder: Path) -> int:
    """Rows of loads that never completed."""
    with duckdb.connect(str(folder / "norte.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw_ledger' "
            "and not starts_with(table_name, '_dlt')"
        ).fetchall()
        return sum(
            connection.execute(
                f"select count(*) from raw_ledger.{table} where _dlt_load_id not in "
                "(select load_id from raw_ledger._dlt_loads where status = 0)"
            ).fetchall()[0][0]
            for (table,) in tables
        )


def _main(folder: Path, phase: str, count: int) -> None:
    times = 0

    def reached(name: str) -> None:
        nonlocal times
        times += name == phase
        if times == count and name == phase:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, method: str, before: str = "", after: str = "") -> None:
        original = getattr(owner, method)

        def watched(*arguments: Any, **options: Any) -> Any:
            if before:
                reached(before)
            result = original(*arguments, **options)
            if after:
                reached(after)
            return result

        setattr(owner, method, watched)

    around(Normalize, "spool_files", before="normalise")
    around(DuckDbCopyJob, "run", after="load")
    around(DuckDbClient, "complete_load", before="commit", after="committed")
    ingest(folder, reached)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
