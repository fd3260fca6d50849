"""Readers while publications come and go, and publications that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.publishing.export import publish
from orchestration.publishing.publication import read_publication
from tests.unit.publishing.company import NOW, write_manifest, write_warehouse

pytestmark = [pytest.mark.integration, pytest.mark.faults]

# A state is whole when both tables tell the same round, and Parquet and publication.json of a release agree.
READER = """
import json, sys, time
from pathlib import Path
import duckdb
published, stop = Path(sys.argv[1]), Path(sys.argv[2])
opens, rounds, faults = 0, set(), []
while not stop.exists():
    try:
        with duckdb.connect(str(published / "current" / "norte.duckdb"), read_only=True) as connection:
            first, second = [
                connection.execute(f"select max(round), count(*) from {table}").fetchone()
                for table in ("metric.dim_people", "delivery.fct_status_spans")
            ]
        release = (published / "current").resolve()
        tables = json.loads((release / "publication.json").read_text())["tables"]
        told = {table["name"]: table["rows"] for table in tables}
        parquet = release / "parquet" / "metric" / "dim_people.parquet"
        there = duckdb.sql(f"select count(*) from '{parquet}'").fetchall()[0][0]
        if first != second or there != told["dim_people"]:
            faults.append(f"half a state: {first} {second} {there} {told}")
        opens += 1
        rounds.add(first[0])
    except Exception as error:
        faults.append(repr(error))
print(json.dumps({"opens": opens, "rounds": len(rounds), "faults": faults[:5]}))
"""

PUBLISHER = """
import sys
from datetime import datetime
from pathlib import Path
from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.publishing import export
folder, phase = Path(sys.argv[1]), sys.argv[2]
def wait_at(name):
    whole = getattr(export, name)
    def waiting(*arguments, **words):
        if phase == "before " + name:
            print("there", flush=True); import time; time.sleep(60)
        found = whole(*arguments, **words)
        if phase == "after " + name:
            print("there", flush=True); import time; time.sleep(60)
        return found
    setattr(export, name, waiting)
for name in ("_copy_tables", "_sync_tree", "_link", "_prune"):
    wait_at(name)
export.publish(
    DuckDBWarehouse(folder / "work.duckdb"), folder / "published", now=datetime(2026, 10, 6, 6), held_back={},
    manifest=folder / "manifest.json",
)
"""


def a_company(folder: Path, rounds: int = 0, rows: int = 20_000) -> None:
    numbers = pd.DataFrame({"round": [rounds] * rows})
    tables = {"metric.dim_people": numbers, "delivery.fct_status_spans": numbers}
    write_warehouse(folder / "work.duckdb", tables)
    write_manifest(folder / "manifest.json", tables)


def test_a_reader_in_a_loop_sees_every_state_whole_and_no_error(tmp_path: Path) -> None:
    a_company(tmp_path)
    arguments = {"held_back": {}, "manifest": tmp_path / "manifest.json"}
    publish(DuckDBWarehouse(tmp_path / "work.duckdb"), tmp_path / "published", now=NOW, **arguments)
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "published"), str(stop)],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.5)
    for number in range(1, 11):
        a_company(tmp_path, number, rows=20_000 + number)
        publish(
            DuckDBWarehouse(tmp_path / "work.duckdb"),
            tmp_path / "published",
            now=NOW + timedelta(days=number),
            **arguments,
        )
    stop.touch()
    told = json.loads(reader.communicate(timeout=60)[0])
    assert told["faults"] == []
    assert told["opens"] >= 10 and told["rounds"] >= 3


def test_a_reader_keeps_the_release_that_it_has_open(tmp_path: Path) -> None:
    a_company(tmp_path)
    arguments = {"held_back": {}, "manifest": tmp_path / "manifest.json"}
    publish(DuckDBWarehouse(tmp_path / "work.duckdb"), tmp_path / "published", now=NOW, **arguments)
    with duckdb.connect(
        str(tmp_path / "published" / "current" / "norte.duckdb"), read_only=True
    ) as connection:
        for number in range(1, 5):
            a_company(tmp_path, number)
            publish(DuckDBWarehouse(tmp_path / "work.duckdb"), tmp_path / "published", now=NOW, **arguments)
        assert connection.execute("select max(round) from metric.dim_people").fetchone() == (0,)


@pytest.mark.parametrize(
    "phase", ["after _copy_tables", "before _sync_tree", "before _link", "after _link", "before _prune"]
)
def test_a_killed_publication_leaves_a_whole_release_and_the_next_one_cleans_up(
    tmp_path: Path, phase: str
) -> None:
    a_company(tmp_path, 0)
    arguments = {"held_back": {}, "manifest": tmp_path / "manifest.json"}
    first = publish(DuckDBWarehouse(tmp_path / "work.duckdb"), tmp_path / "published", now=NOW, **arguments)
    a_company(tmp_path, 1)
    publisher = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(tmp_path), phase], stdout=subprocess.PIPE, text=True
    )
    assert publisher.stdout is not None and publisher.stdout.readline().strip() == "there"
    os.kill(publisher.pid, signal.SIGKILL)
    publisher.wait()

    current = tmp_path / "published" / "current"
    told = read_publication(current)
    assert told is not None
    is_linked = phase in ("after _link", "before _prune")
    assert (told.id == first.id) is not is_linked
    with duckdb.connect(str(current / "norte.duckdb"), read_only=True) as connection:
        assert connection.execute("select max(round) from metric.dim_people").fetchone() == (int(is_linked),)

    third = publish(DuckDBWarehouse(tmp_path / "work.duckdb"), tmp_path / "published", now=NOW, **arguments)
    releases = {path.name for path in (tmp_path / "published" / "releases").iterdir()}
    assert releases == {first.id, third.id} | ({told.id} if is_linked else set())
    assert current.resolve().name == third.id
