"""The lock on the working warehouse: everyone waits their turn, and a full disk has a name."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingestion.errors import WarehouseError
from ingestion.warehouse import is_disk_full
from ingestion.warehouses.duckdb import DuckDBWarehouse


def test_sessions_are_in_utc(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "w.duckdb").connect() as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_the_lock_may_be_nested_in_one_thread(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    with warehouse.lock("outer"), warehouse.connect() as connection:
        connection.execute("create table t as select 1 as a")
    with warehouse.connect(read_only=True) as connection:
        assert connection.execute("from t").fetchall() == [(1,)]


def test_another_process_waits_and_is_told_who_holds_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from ingestion.warehouses.duckdb import DuckDBWarehouse\n"
        "with DuckDBWarehouse(Path(sys.argv[1])).lock('the build'):\n"
        "    sys.stdout.write('held\\n'); sys.stdout.flush(); time.sleep(3)"
    )
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(warehouse.path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with caplog.at_level(logging.INFO), warehouse.connect():
        pass
    assert holder.wait(10) == 0
    assert "held by the build" in caplog.text


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from ingestion.warehouses.duckdb import DuckDBWarehouse\n"
        "with DuckDBWarehouse(Path(sys.argv[1])).lock():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(warehouse.path)], timeout=30)
    with warehouse.connect():
        pass


def test_threads_take_turns(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    with warehouse.connect() as connection:
        connection.execute("create table t (a integer)")

    def insert() -> None:
        with warehouse.connect() as connection:
            connection.execute("insert into t select 1")

    threads = [threading.Thread(target=insert) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with warehouse.connect(read_only=True) as connection:
        assert connection.execute("select count(*) from t").fetchall() == [(8,)]


def test_a_missing_or_foreign_file_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(WarehouseError, match="ingest first"),
        DuckDBWarehouse(tmp_path / "none.duckdb").connect(read_only=True),
    ):
        pass
    foreign = tmp_path / "foreign.duckdb"
    foreign.write_bytes(b"no database at all" * 1000)
    with pytest.raises(WarehouseError, match="restore a backup"), DuckDBWarehouse(foreign).connect():
        pass


def test_a_full_disk_is_found_below_other_errors() -> None:
    try:
        try:
            raise OSError(28, "No space left on device")
        except OSError as cause:
            raise RuntimeError("loading failed") from cause
    except RuntimeError as error:
        assert is_disk_full(error)
    assert not is_disk_full(RuntimeError("something else"))
