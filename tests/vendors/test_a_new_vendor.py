"""A vendor is added by files of its own: the example of `ingestion/sources/README.md`, up to a mart."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.sandbox.server import SandboxServer, SandboxServerError
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from tests.integration.company import NORTE
from tests.vendors.ways import Way, run

pytestmark = [pytest.mark.vendors, pytest.mark.timeout(1800)]
TOY = Path(__file__).resolve().parent / "toy"
REPOSITORY = TOY.parents[2]
PARTS = ("ingestion", "dbt_project", "expectations", "orchestration", ".dlt", "pyproject.toml")
MADE = shutil.ignore_patterns("__pycache__", "target", "logs")


@dataclass(frozen=True)
class Outcome:
    """What was there before, and what the job made with the new vendor."""

    world: World
    now: datetime
    home: Path
    published: Path

    def rows(self, sql: str, *, working: bool = False) -> list[tuple[object, ...]]:
        """Rows of the published file, or of the working warehouse."""
        file = self.home / "warehouse.duckdb" if working else self.published
        with duckdb.connect(str(file), read_only=True) as opened:
            return opened.execute(sql).fetchall()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("toy")
    program = folder / "program"
    for part in PARTS:
        if (REPOSITORY / part).is_dir():
            shutil.copytree(REPOSITORY / part, program / part, ignore=MADE)
        else:
            shutil.copy(REPOSITORY / part, program / part)
    add(program)
    generate_world(folder / "world", seed=7, accounts=20, months=3)
    world = World.load(folder / "world")
    now = world.meta.as_of.astimezone(UTC)
    way = Way(
        ("hubspot", "tally"),
        settings={"tally": {"BASE_URL": "{server}/tally", "API_KEY": "sandbox-tally-key"}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(program))
        patch.chdir(program)
        with served(world, now) as server:
            yield Outcome(world, now, folder / "home", run(way, world, now, server, folder / "home"))


def add(program: Path) -> None:
    """Lays the new vendor's files down; none of them may be there already."""
    for file in TOY.rglob("*"):
        if file.is_dir() or "__pycache__" in file.parts:
            continue
        place = program / file.relative_to(TOY)
        assert not place.exists(), f"{place} is no file of the new vendor's own"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)


class served:  # noqa: N801 (reads as the sentence that it is)
    """A sandbox of the program on the path, not of this one."""

    def __init__(self, world: World, now: datetime) -> None:
        self._server = SandboxServer(world.path, now)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._server.port = free.getsockname()[1]
        command = [str(NORTE), "sandbox", "serve", "--world", str(world.path), "--now", now.isoformat()]
        command += ["--port", str(self._server.port), "--scenario", "healthy"]
        self._process = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.DEVNULL)

    def __enter__(self) -> SandboxServer:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self._server.requests()
                return self._server
            except (OSError, SandboxServerError):
                time.sleep(0.2)
        raise AssertionError("expected the sandbox to listen within a minute")

    def __exit__(self, *raised: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)


def test_its_events_are_loaded_staged_and_in_the_canonical_union(outcome: Outcome) -> None:
    events = outcome.world.visible("events", outcome.now)
    told = len(events[~events["is_staff"]])

    for table in ("raw_tally.events", "staging.stg_tally__events"):
        assert outcome.rows(f"select count(*) from {table}", working=True) == [(told,)]
    assert outcome.rows(
        "select sum(event_count) from intermediate.int_analytics__user_days where source_name = 'tally'",
        working=True,
    ) == [(told,)]


def test_its_accounts_are_active_in_the_mart_that_people_read(outcome: Outcome) -> None:
    [(active,)] = outcome.rows(
        "select max(active_account_28d_count) from metric.mart_metric__active_daily where segment = 'all'"
    )
    assert isinstance(active, int)
    assert active > 5


def test_its_arrival_contract_was_checked_and_its_age_is_shown(outcome: Outcome) -> None:
    [(is_fresh, promise)] = outcome.rows(
        "select is_fresh, freshness_promise_hours from governance.mart_governance__data_health"
        " where subject_type = 'source' and subject = 'tally'"
    )
    assert (is_fresh, promise) == (True, 26)


def test_the_interpreter_of_this_test_knows_nothing_of_it() -> None:
    assert "ingestion.sources.tally" not in sys.modules
