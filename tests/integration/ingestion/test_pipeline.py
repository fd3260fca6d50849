"""What a run leaves in raw: versions, tombstones, children, rejects, audit, and one kind of data per
warehouse.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.errors import MixedData, SourceError
from ingestion.settings import ConnectionSettings
from ingestion.warehouse import Session
from ingestion.warehouses.duckdb import DuckDBWarehouse
from tests.integration.ingestion import ledger


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger")
    ledger.ingest(path)
    return path


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "norte.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_table_of_the_source_exists_also_when_empty(folder: Path) -> None:
    tables = {name for (name,) in rows(folder, "select table_name from duckdb_tables()")}
    assert {"orders", "order_lines", "clicks", "clicks_rejected", "load_audit"} <= tables


def test_rows_carry_the_envelope_in_naive_utc(folder: Path) -> None:
    types = dict(
        rows(folder, "select column_name, data_type from duckdb_columns() where table_name = 'orders'")
    )
    assert types["_source_updated_at"] == types["_extracted_at"] == types["updated_at"] == "TIMESTAMP"
    assert types["_is_deleted"] == "BOOLEAN"
    assert types["amount"] == "DOUBLE"
    assert {"_instance", "_key", "_version_id", "_dlt_load_id", "payload", "email_key"} <= types.keys()


def test_overlapping_slices_append_only_what_changed(folder: Path) -> None:
    assert rows(folder, "select count(*), count(distinct _key) from raw_ledger.clicks") == [(28, 28)]
    versions = dict(
        rows(folder, "select _key, count(*) from raw_ledger.orders where not _is_deleted group by 1")
    )
    assert versions["2-0"] == 2
    assert versions["2-1"] == 1


def test_a_tombstone_keeps_the_last_known_time_and_comes_later(folder: Path) -> None:
    found = rows(
        folder,
        "select _key, _source_updated_at, payload, amount from raw_ledger.orders "
        "where _is_deleted order by _key",
    )
    assert [row[0] for row in found] == ["1-0", "1-1"]
    assert found[0][1].isoformat() == "2026-09-01T10:00:00"
    assert found[0][2:] == ("{}", None)


def test_children_belong_to_the_version_that_they_were_read_with(folder: Path) -> None:
    orphans = rows(
        folder,
        "select count(*) from raw_ledger.order_lines where _parent_version_id not in "
        "(select _version_id from raw_ledger.orders)",
    )
    assert orphans == [(0,)]
    assert rows(folder, "select count(*) from raw_ledger.order_lines where order_id = '2-3'") == [(3,)]


def test_one_person_has_one_key_however_the_address_is_written(folder: Path) -> None:
    import hashlib
    import hmac

    expected = hmac.new(b"secret", b"p2@x.example", hashlib.sha256).hexdigest()
    keys = rows(folder, "select distinct email_key from raw_ledger.orders where starts_with(_key, '2-')")
    assert (expected,) in keys


def test_rejected_rows_say_why_and_are_not_counted_again(folder: Path, tmp_path: Path) -> None:
    found = rows(folder, "select reason, payload from raw_ledger.orders_rejected order by payload")
    assert found[0] == ("expected an order", '{"day":1}')
    assert len(found) == ledger.DAYS


def test_audit_counts_equal_the_rows(folder: Path) -> None:
    audit = dict(rows(folder, "select resource, sum(row_count) from raw_ledger.load_audit group by 1"))
    for table in ("orders", "order_lines", "clicks"):
        assert rows(folder, f"select count(*) from raw_ledger.{table}") == [(audit[table],)]


def test_a_run_with_nothing_new_appends_only_that_it_looked(tmp_path: Path) -> None:
    ledger.ingest(tmp_path)
    before = ledger.completed_rows(tmp_path)
    again = ledger.ingest(tmp_path)
    assert (again.slices, again.rows_loaded) == (0, {})
    assert ledger.completed_rows(tmp_path) == before
    later = ledger.ingest(tmp_path, now=ledger.NOW + timedelta(hours=1))
    assert (later.slices, later.rows_loaded) == (1, {})
    after = ledger.completed_rows(tmp_path)
    assert len(after["load_audit"]) == len(before["load_audit"]) + 3
    assert after["orders"] == before["orders"]


def test_what_a_run_without_rows_writes_down_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.ingest(tmp_path)
    before = ledger.completed_rows(tmp_path)
    written = Session.insert

    def stopped(session: Session, table: str, rows: Any) -> None:
        written(session, table, rows)
        if table.endswith("load_audit"):
            raise KeyboardInterrupt

    monkeypatch.setattr(Session, "insert", stopped)
    later = ledger.NOW + timedelta(hours=1)
    with pytest.raises(KeyboardInterrupt):
        ledger.ingest(tmp_path, now=later)
    assert (ledger.completed_rows(tmp_path), ledger.leftover_count(tmp_path)) == (before, 0)
    monkeypatch.undo()
    assert ledger.ingest(tmp_path, now=later).slices == 1
    assert rows(tmp_path, "select count(distinct schema_version_hash) from raw_ledger._dlt_loads") == [(1,)]


def test_a_column_that_a_newer_version_reads_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {name: kind for name, kind in ledger.ORDERS.columns.items() if name != "amount"}
    older = (replace(ledger.ORDERS, columns=columns), ledger.LINES)
    monkeypatch.setattr(ledger.Ledger, "resources", (*older, ledger.CLICKS))
    ledger.ingest(tmp_path)
    monkeypatch.undo()
    ledger.ingest(tmp_path, now=ledger.NOW + timedelta(hours=1))
    assert rows(tmp_path, "select count(*), count(amount) from raw_ledger.orders") == [(25, 0)]


def test_a_table_that_somebody_dropped_is_made_again(tmp_path: Path) -> None:
    ledger.ingest(tmp_path)
    with duckdb.connect(str(tmp_path / "norte.duckdb")) as connection:
        connection.execute("drop table raw_ledger.clicks_rejected")
    ledger.ingest(tmp_path, now=ledger.NOW + timedelta(hours=1))
    assert rows(tmp_path, "select count(*) from raw_ledger.clicks_rejected") == [(0,)]
    assert rows(tmp_path, "select count(*) from raw_ledger._dlt_version") == [(1,)]


def test_the_schema_is_stored_once_however_many_loads_there_are(folder: Path) -> None:
    assert rows(folder, "select count(*) from raw_ledger._dlt_version") == [(1,)]


def test_sandbox_and_real_data_do_not_mix(tmp_path: Path) -> None:
    def settings(is_sandbox: bool) -> ConnectionSettings:
        made = ConnectionSettings()
        made.is_sandbox = is_sandbox
        return made

    ledger.ingest(tmp_path, settings=settings(True))
    with pytest.raises(MixedData, match="expected a warehouse with real data only"):
        ledger.ingest(tmp_path, settings=settings(False))


def test_two_runs_of_one_connection_do_not_meet(tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait(phase: str) -> None:
        inside.set()
        go_on.wait(60)

    first = threading.Thread(target=ledger.ingest, args=(tmp_path, wait))
    first.start()
    try:
        assert inside.wait(60)
        with pytest.raises(SourceError, match="another one that is under way"):
            ledger.ingest(tmp_path)
    finally:
        go_on.set()
        first.join()


def test_the_warehouse_is_free_while_a_source_is_read(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "norte.duckdb")
    seen: list[bool] = []

    def look(phase: str) -> None:
        def open_it() -> None:
            with warehouse.connect():
                seen.append(True)

        other = threading.Thread(target=open_it)
        other.start()
        other.join(10)

    ledger.ingest(tmp_path, look)
    assert len(seen) == 2 * ledger.DAYS - 1


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

    from ingestion.errors import DiskFull

    ledger_rows = tmp_path / "clean"
    ledger_rows.mkdir()
    ledger.ingest(ledger_rows)
    broken = tmp_path / "broken"
    broken.mkdir()

    def full(self: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DuckDbCopyJob, "run", full)
        with pytest.raises(DiskFull, match="free some space"):
            ledger.ingest(broken)
    ledger.ingest(broken)
    assert ledger.completed_rows(broken) == ledger.completed_rows(ledger_rows)
