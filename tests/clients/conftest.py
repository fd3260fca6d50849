"""What the clients read, and what our connectors read of the same.

Belongs here: the world, its server, our own loads. Does not belong here: anything of one client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.pipeline import run_source
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.snapshot import Ledger, Snapshot
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World, naive_utc
from ingestion.warehouses.duckdb import DuckDBWarehouse


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A company whose last record is some hours old: public clients read the clock, nothing may follow."""
    folder: Path = tmp_path_factory.mktemp("clients") / "world"
    as_of = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)
    generate_world(folder, seed=11, accounts=30, months=3, as_of=as_of, horizon_days=1)
    return World.load(folder)


@pytest.fixture(scope="session")
def now() -> datetime:
    """The vendors' clock. It is ahead, since taps try their access by asking for what is new this moment."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=15)


@pytest.fixture(scope="session")
def held(world: World, now: datetime) -> Snapshot:
    """What the world holds, told without a vendor."""
    return Snapshot(Ledger(world), naive_utc(now))


@pytest.fixture(scope="session")
def server(world: World, now: datetime) -> Iterator[SandboxServer]:
    with SandboxServer(world.path, now, tls=True, scenario="generous") as running:
        yield running


class Ours:
    """What our connectors made of it."""

    def __init__(self, server: SandboxServer, now: datetime, folder: Path) -> None:
        self._server, self._now, self._folder = server, now, folder
        self._warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        self._loaded: set[str] = set()

    def rows(self, vendor: str, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on a vendor's raw tables, whose names have no schema."""
        self._load(vendor)
        with self._warehouse.connect(read_only=True) as connected:
            connected.execute(f"use raw_{vendor}")
            return list(connected.execute(sql).fetchall())

    def keys(self, vendor: str, resource: str, *, gone_too: bool = False) -> set[str]:
        """Keys of a first load; with `gone_too` those of tombstones as well."""
        condition = "true" if gone_too else "not _is_deleted"
        return {str(row[0]) for row in self.rows(vendor, f"select _key from {resource} where {condition}")}

    def _load(self, vendor: str) -> None:
        if vendor in self._loaded:
            return
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._server.env().items():
                patch.setenv(name, value)
            run_source(
                vendor,
                warehouse=self._warehouse,
                pipelines_dir=self._folder / "pipelines",
                now=self._now,
                person_key_secret="not-a-secret",
            )
        self._loaded.add(vendor)


@pytest.fixture(scope="session")
def ours(server: SandboxServer, now: datetime, tmp_path_factory: pytest.TempPathFactory) -> Ours:
    return Ours(server, now, tmp_path_factory.mktemp("ours"))


@pytest.fixture
def living(held: Snapshot) -> Callable[[str], set[str]]:
    """Ids of a table of the world that are neither deleted nor merged away."""

    def ids(table: str) -> set[str]:
        return {
            str(entity.id)
            for entity in held.entities(table).values()
            if not entity.is_deleted and entity.merged_into is None
        }

    return ids
