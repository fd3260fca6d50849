"""The whole job on PostgreSQL: every table is DuckDB's, row by row, whatever the server goes through."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingestion.enrichment.insight.files import read_candidates
from ingestion.sandbox.world.generate import generate_world
from ingestion.warehouse import Session
from ingestion.warehouses.duckdb import DuckDBWarehouse
from ingestion.warehouses.postgres import PostgresWarehouse
from orchestration.demo import Demo, DemoState
from tests.integration.company import NORTE
from tests.integration.theme_commands import themes, worked_on_themes
from tests.integration.traces import Person, files_with, somebody, tables_with
from tests.postgres.server import PASSWORD, READER_PASSWORD, Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(2700)]

# Large enough for windows of a year and for what needs many accounts.
SEED, ACCOUNTS, MONTHS = 7, 40, 14
PUBLIC = ("delivery", "governance", "impact", "insight", "metric")
BUILT = ("staging", "intermediate", "reference")
# Which load brought a row, and when by the clock, differs between any two runs on whatever warehouse.
OF_THE_LOAD = {"_batch_id", "batch_id", "load_id", "loaded_at", "_dlt_load_id"}


@dataclass
class Home:
    """A sandbox company on one warehouse."""

    folder: Path
    settings: dict[str, str]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(NORTE), "demo"],
            env={**os.environ, "COLUMNS": "300", "NORTE_HOME": str(self.folder), **self.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def live_a_day(self) -> str:
        with self.start() as process:
            assert process.stdout is not None
            output = process.stdout.read()
        assert process.returncode == 0, output[-6000:]
        return output

    def erase(self, address: str) -> None:
        done = subprocess.run(
            [str(NORTE), "erase", "--from", "-", "--yes"],
            env={**os.environ, "COLUMNS": "300", "NORTE_HOME": str(self.folder), **self.settings},
            input=address,
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "Erased." in done.stdout and address not in done.stdout

    def live_until(self, says: re.Pattern[str], then: Callable[[], None]) -> str:
        """A day that something happens to as soon as a line of the output says so; it must not succeed."""
        lines, has_happened = [], False
        with self.start() as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if not has_happened and says.search(line):
                    has_happened = True
                    then()
        output = "".join(lines)
        assert has_happened and process.returncode != 0, output[-6000:]
        return output

    def keep(self, name: str) -> Path:
        kept = self.folder / f"{name}.duckdb"
        shutil.copyfile(self.folder / "published" / "current" / "norte.duckdb", kept)
        return kept


@dataclass
class Days:
    """What was lived on both warehouses."""

    on_duckdb: Home
    on_postgres: Home
    published: dict[str, tuple[Path, Path]]
    words: dict[str, str]
    erased: Person


def home(folder: Path, settings: dict[str, str], world: Path) -> Home:
    shutil.copytree(world, folder / "world")
    Demo(folder).remember(DemoState(seed=SEED, accounts=ACCOUNTS, months=MONTHS))
    return Home(folder, settings)


@pytest.fixture(scope="module")
def days(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Two days on both; PostgreSQL's second is tried while the server goes away, then once it is back."""
    folder = tmp_path_factory.mktemp("days")
    generate_world(folder / "world", seed=SEED, accounts=ACCOUNTS, months=MONTHS)
    ours = home(folder / "duckdb", {}, folder / "world")
    theirs = home(folder / "postgres", server.settings, folder / "world")
    with ThreadPoolExecutor(1) as beside:
        first_day = beside.submit(ours.live_a_day)
        theirs.live_a_day()
        first_day.result()
        published = {"first day": (ours.keep("first"), theirs.keep("first"))}
        with DuckDBWarehouse(ours.folder / "warehouse.duckdb").open() as session:
            erased = somebody(session)
        ours.erase(erased[0])
        # The same list makes the same pseudonyms.
        shutil.copyfile(ours.folder / "erased.json", theirs.folder / "erased.json")
        theirs.erase(erased[0])
        assert not who_holds(erased, theirs, server), "nothing is left of them before a load or a build, too"
        second_day = beside.submit(ours.live_a_day)
        words = gone_in(server, theirs)
        theirs.live_a_day()
        second_day.result()
    published["second day"] = (ours.keep("second"), theirs.keep("second"))
    return Days(ours, theirs, published, words, erased)


def who_holds(person: Person, home: Home, server: Server | None = None) -> list[str]:
    """Files in which somebody can be read; the sandbox's world, which plays the vendors, apart."""
    places = [path for path in home.folder.rglob("*") if home.folder / "world" not in path.parents]
    if server is not None:
        server.execute("checkpoint")
        places += list((server.folder / "data" / "base").rglob("*"))
    return files_with(person, places)


def gone_in(server: Server, theirs: Home) -> dict[str, str]:
    """What a day says that the server leaves in its load, and one that it leaves in its build."""
    words = {}
    phases = {
        "load": re.compile(r"^\s+(jira|hubspot|zendesk): "),
        "build": re.compile(r"tables: (\d{2,}) of"),
    }
    for name, says in phases.items():
        words[name] = theirs.live_until(says, lambda: server.stop(at_once=True))
        server.start()
        with closing(server.reader()) as reader, reader.cursor() as cursor:
            cursor.execute("select count(*) from metric.dim_accounts")
            assert cursor.fetchone()[0] > 0
    return words


@pytest.mark.parametrize("day", ["first day", "second day"])
def test_every_published_table_is_the_same(days: Days, day: str) -> None:
    ours, theirs = days.published[day]
    with DuckDBWarehouse(ours).open() as one, DuckDBWarehouse(theirs).open() as other:
        compared = list(differences(one, other, PUBLIC))
    assert len(compared) > 35
    assert [found for found in compared if found is not None] == []


def test_every_table_on_the_way_is_the_same(days: Days, warehouse: PostgresWarehouse) -> None:
    file = days.on_duckdb.folder / "warehouse.duckdb"
    with DuckDBWarehouse(file).open() as one, warehouse.open() as other:
        compared = list(differences(one, other, (*BUILT, *PUBLIC)))
    assert len(compared) > 150
    assert [found for found in compared if found is not None] == []


def test_readers_of_the_server_see_what_the_published_file_holds(days: Days, server: Server) -> None:
    as_reader = PostgresWarehouse(
        f"postgresql://norte_reader@127.0.0.1:{server.port}/norte_published", password=READER_PASSWORD
    )
    with DuckDBWarehouse(days.published["second day"][1]).open() as one, as_reader.open() as other:
        compared = list(differences(one, other, PUBLIC))
    assert len(compared) > 35
    assert [found for found in compared if found is not None] == []
    with closing(server.reader()) as reader, reader.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_class where relnamespace::regnamespace::text = any(%s)"
            " and relkind = 'r' and obj_description(oid) is null",
            [list(PUBLIC)],
        )
        assert cursor.fetchone()[0] == 0, "every table says what it is"


def test_whom_the_vendors_still_tell_of_stays_erased(
    days: Days, warehouse: PostgresWarehouse, server: Server
) -> None:
    for home in (days.on_duckdb, days.on_postgres):
        assert who_holds(days.erased, home) == []
    assert who_holds(days.erased, days.on_postgres, server) == []
    as_reader = PostgresWarehouse(
        f"postgresql://norte_reader@127.0.0.1:{server.port}/norte_published", password=READER_PASSWORD
    )
    published = DuckDBWarehouse(days.published["second day"][0])
    for place in (
        DuckDBWarehouse(days.on_duckdb.folder / "warehouse.duckdb"),
        warehouse,
        as_reader,
        published,
    ):
        with place.open() as session:
            assert tables_with(days.erased, session) == []
    with warehouse.open() as session:
        (told,) = session.rows(
            "select count(*) from raw_zendesk.tickets where subject = $words", {"words": "[words erased]"}
        )[0]
    assert told > 0


@pytest.mark.parametrize("phase", ["load", "build"])
def test_a_server_that_went_away_is_named_with_the_remedy(days: Days, phase: str) -> None:
    assert "expected the server to answer" in days.words[phase]
    assert "nothing is lost" in days.words[phase]


def test_theme_commands_find_on_the_server_what_they_find_in_the_file(days: Days, tmp_path: Path) -> None:
    known = read_candidates(DuckDBWarehouse(days.on_duckdb.folder / "warehouse.duckdb"))
    first = known["candidate_id"].iloc[0]
    worked, scored = [], []
    for home in (days.on_duckdb, days.on_postgres):
        settings = {"NORTE_HOME": str(home.folder), **home.settings}
        folder = tmp_path / home.folder.name
        worked.append(worked_on_themes(settings, first, folder))
        options = ("--company", days.on_duckdb.folder / "company", "--out", folder, "--encoder", "fallback")
        themes(settings, "score", "--feedback", "warehouse", *options)
        scored.append([pd.read_parquet(folder / f"{name}.parquet") for name in ("items", "themes")])
    assert len(worked[0].sheet) >= 20 and len(scored[0][0]) > 100
    assert worked[0].candidates == worked[1].candidates
    assert worked[0].promoted == worked[1].promoted
    pd.testing.assert_frame_equal(worked[0].sheet, worked[1].sheet)
    for ours, theirs in zip(*scored, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_no_file_of_the_home_holds_the_password(days: Days) -> None:
    spellings = [PASSWORD.encode(), b"pa%24s%3Awo%2Frd%2540"]
    for path in days.on_postgres.folder.rglob("*"):
        if path.is_file() and path.suffix not in (".parquet", ".duckdb"):
            content = path.read_bytes()
            assert not any(spelling in content for spelling in spellings), path


def test_a_backup_comes_back_on_either_warehouse(
    days: Days, server: Server, warehouse: PostgresWarehouse, tmp_path: Path
) -> None:
    rows = "select count(*), min(_extracted_at), max(payload) from raw_jira.issues"
    with warehouse.lock("backup"), warehouse.saved_raw(tmp_path) as saved:
        with DuckDBWarehouse(saved).open() as session, warehouse.open() as theirs:
            assert session.rows(rows) == theirs.rows(rows)
            expected = session.rows(rows)
        kept = tmp_path / "kept.duckdb"
        shutil.copyfile(saved, kept)
    before, after = warehouse.rewrite()
    assert before > 0 and after > 0
    with warehouse.lock("restore"):
        warehouse.restore_raw(kept)
    with warehouse.open() as session:
        assert session.rows(rows) == expected
        assert session.columns("metric") == {}
    server.execute("select 1")


def differences(one: Session, other: Session, schemas: tuple[str, ...]) -> Iterator[str | None]:
    """For each table what differs first, None where nothing does."""
    for schema in schemas:
        tables, others = one.columns(schema), other.columns(schema)
        if tables != others:
            yield f"{schema}: {sorted(tables.keys() ^ others.keys())} {tables != others}"
            continue
        for table, columns in sorted(tables.items()):
            names = sorted(columns - OF_THE_LOAD)
            query = f"select {', '.join(names)} from {schema}.{table}"
            left, right = (sorted(session.rows(query), key=_sorting) for session in (one, other))
            found = None
            if len(left) != len(right):
                found = f"{schema}.{table}: {len(left)} rows, {len(right)} rows"
            for ours, theirs in zip(left, right, strict=False):
                apart = [
                    f"{name}: {mine!r}, {yours!r}"
                    for name, mine, yours in zip(names, ours, theirs, strict=True)
                    if not _is_same(mine, yours)
                ]
                if apart and found is None:
                    found = f"{schema}.{table}: {apart}"
            yield found


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float | Decimal | int):
        return math.isclose(one, float(other), rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def _sorting(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rows in an order that neither the kind of a number nor its last digit changes."""
    return tuple(
        (value is None, f"{float(value):.6g}" if isinstance(value, float | int | Decimal) else str(value))
        for value in row
    )


def test_wrong_credentials_and_missing_rights_are_explained(server: Server, tmp_path: Path) -> None:
    from ingestion.errors import WarehouseError
    from orchestration.outcomes import make_tables

    wrong = PostgresWarehouse(server.address, password="secret-of-mine")
    with pytest.raises(WarehouseError, match="NORTE_POSTGRES_PASSWORD") as raised, wrong.open():
        pass
    assert "secret-of-mine" not in str(raised.value)
    server.execute("create role guest login password 'guest'")
    server.execute("create database guests template template0 lc_collate 'C' lc_ctype 'C.UTF-8'")
    guest = PostgresWarehouse(f"postgresql://guest@127.0.0.1:{server.port}/guests", password="guest")
    with pytest.raises(WarehouseError, match="norte doctor"):
        make_tables(guest, tmp_path / "dlt")
    problems = [one for one in guest.examine(lambda session: iter(())) if one.level == "problem"]
    assert any("guest" in one.found for one in problems)
    server.execute("grant create on database guests to guest")
    make_tables(guest, tmp_path / "dlt")
    with guest.open() as session:
        assert {"check_outcomes", "publications"} <= session.columns("raw_norte").keys()
    with pytest.raises(WarehouseError, match="NORTE_POSTGRES_URL"):
        PostgresWarehouse("no address:at all")


def test_loads_of_two_datasets_run_side_by_side_and_a_build_waits_for_both(
    warehouse: PostgresWarehouse,
) -> None:
    inside = threading.Barrier(2, timeout=20)
    order: list[str] = []

    def load(dataset: str) -> None:
        with warehouse.lock(f"loading {dataset}", dataset=dataset):
            inside.wait()
            assert warehouse.holder() is not None
            building.start() if dataset == "raw_a" else None
            inside.wait()
            order.append(dataset)

    def build() -> None:
        with warehouse.lock("the build"):
            order.append("build")

    building = threading.Thread(target=build)
    loads = [threading.Thread(target=load, args=(name,)) for name in ("raw_a", "raw_b")]
    for thread in loads:
        thread.start()
    for thread in loads:
        thread.join()
    building.join()
    assert order[-1] == "build"
