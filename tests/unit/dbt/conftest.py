"""A warehouse with raw tables and nothing else, and dbt as a process over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.registry import available
from ingestion.tables import all_tables

PROJECT = Path(__file__).parents[3] / "dbt_project"


@dataclass
class RawWarehouse:
    """Raw tables as the ingestion makes them, filled by hand."""

    path: Path
    scratch: Path

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

    def dbt(self, *arguments: str, first: str = "", **variables: Any) -> subprocess.CompletedProcess[str]:
        """One dbt command; its own target folder, so that runs side by side do not meet.

        Arguments:
            first: Python that its process runs before.
        """
        command = [
            *(sys.executable, "-c", f"{first}\nfrom dbt.cli.main import cli\ncli()"),
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--target-path", str(self.scratch / "target"), "--log-path", str(self.scratch / "logs")),
            *("--vars", json.dumps(variables)),
        ]
        environment = {
            **os.environ,
            "NORTE_WAREHOUSE_PATH": str(self.path),
            "NORTE_NOW": "2026-03-15T12:00:00Z",
            "DO_NOT_TRACK": "1",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done


def create(path: Path, scratch: Path) -> RawWarehouse:
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
    return RawWarehouse(path, scratch)


@pytest.fixture(scope="module")
def raw_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawWarehouse]:
    scratch = tmp_path_factory.mktemp("dbt")
    yield create(scratch / "working.duckdb", scratch)
