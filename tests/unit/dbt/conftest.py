"""A warehouse with raw tables and nothing else, and dbt over it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.registry import available
from ingestion.tables import all_tables
from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.resources.dbt import Dbt, DbtSession

PROJECT = Path(__file__).parents[3] / "dbt_project"
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


@dataclass
class RawWarehouse:
    """Raw tables as the ingestion makes them, filled by hand."""

    path: Path
    readings: Readings

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def load(
        self, source: str, table: str, load_id: str, rows: list[dict[str, Any]], *, is_complete: bool = True
    ) -> None:
        """Append rows as one load; `_dlt_loads` says whether it was committed."""
        with duckdb.connect(str(self.path)) as connection:
            for row in rows:
                values = {
                    "_instance": source,
                    "_is_deleted": False,
                    "payload": "{}",
                    "_dlt_load_id": load_id,
                    **row,
                }
                marks = ", ".join("?" for _ in values)
                connection.execute(
                    f"insert into raw_{source}.{table} ({', '.join(values)}) values ({marks})",
                    list(values.values()),
                )
            if is_complete:
                connection.execute(
                    f"insert into raw_{source}._dlt_loads values (?, ?, 0, ?)",
                    [load_id, source, datetime(2026, 1, 1)],
                )

    def dbt(self, *arguments: str, **variables: Any) -> dict[str, str]:
        """One dbt command; the status of each node by its id."""
        events = list(self.readings.session(variables).run(arguments))
        problems = [event["problem"] for event in events if "problem" in event]
        assert problems == [], "\n".join(problems)
        [results] = [event["results"] for event in events if "results" in event]
        return {result["unique_id"]: result["status"] for result in results}

    def dbt_alone(self, first: str, *arguments: str) -> None:
        """One dbt command in a process of its own.

        Arguments:
            first: Python that its process runs before.
        """
        command = [
            *(sys.executable, "-c", f"{first}\nfrom dbt.cli.main import cli\ncli()"),
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--vars", "{}"),
            *("--target-path", str(self.target()), "--log-path", str(self.target())),
        ]
        environment = {
            **os.environ,
            "NORTE_WAREHOUSE_PATH": str(self.path),
            "NORTE_NOW": NOW.isoformat(),
            "DO_NOT_TRACK": "1",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

    def target(self, **variables: Any) -> Path:
        """Where dbt with these variables puts what it makes."""
        return self.readings.dbt(variables).target


class Readings:
    """dbt with the project read, once per set of variables: reading takes longer than what is asked."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = DuckDBWarehouse(folder / "working.duckdb")
        self._folder = folder
        self._open: dict[str, DbtSession] = {}
        self._stack = ExitStack()

    def dbt(self, variables: dict[str, Any]) -> Dbt:
        name = hashlib.sha256(json.dumps(variables, sort_keys=True).encode()).hexdigest()[:8]
        return Dbt(self.warehouse, self._folder / name, variables)

    def session(self, variables: dict[str, Any]) -> DbtSession:
        dbt = self.dbt(variables)
        if dbt.folder.name not in self._open:
            self._open[dbt.folder.name] = self._stack.enter_context(dbt.session(NOW))
        return self._open[dbt.folder.name]

    def end(self) -> None:
        self._stack.close()


def create(readings: Readings) -> RawWarehouse:
    path = readings.warehouse.path
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for source in available().values():
            connection.execute(f"create schema raw_{source.name}")
            connection.execute(
                f"create table raw_{source.name}._dlt_loads "
                "(load_id text, schema_name text, status bigint, inserted_at timestamp with time zone)"
            )
            for table, columns in all_tables(source).items():
                typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                connection.execute(f"create table raw_{source.name}.{table} ({typed})")
    return RawWarehouse(path, readings)


@pytest.fixture(scope="session")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readings]:
    readings = Readings(tmp_path_factory.mktemp("dbt"))
    yield readings
    readings.end()


@pytest.fixture(scope="module")
def raw_warehouse(readings: Readings) -> RawWarehouse:
    return create(readings)
