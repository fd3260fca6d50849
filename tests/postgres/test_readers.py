"""What readers of the PostgreSQL warehouse may see, and that publications never get in their way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import psycopg2
import pytest

from ingestion.errors import WarehouseError
from ingestion.warehouse import ServedTable
from ingestion.warehouses.duckdb import DuckDBWarehouse
from ingestion.warehouses.postgres import PostgresWarehouse
from tests.postgres.server import PASSWORD, Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

SCHEMAS = ("delivery", "governance", "impact", "insight", "metric")
TABLES = ["metric.paid", "delivery.items", "insight.said", "metric.used"]


@dataclass
class Loops:
    """What readers saw, how long each statement took in seconds, and what went wrong."""

    seen: list[list[tuple[int, ...]]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


def serve(
    warehouse: PostgresWarehouse, folder: Path, number: int, tables: Sequence[str] = TABLES, more: str = ""
) -> None:
    """A publication whose every table says which one it is of; `more` are columns that all have beside."""
    file = folder / f"release-{number}.duckdb"
    with duckdb.connect(str(file)) as release:
        for schema in SCHEMAS:
            release.execute(f"create schema {schema}")
        for table in tables:
            release.execute(
                f"create table {table} as select {number} :: bigint as number, i :: text as name, "
                "case when i % 2 = 0 then '' end as note, i / 7 :: double as share, "
                f"(i / 3) :: decimal(28, 6) as amount, timestamp '2026-10-05 06:00:00' as seen_at{more} "
                "from range(500) as t (i)"
            )
    described = [
        ServedTable(*table.split("."), f"Release {number}.", {"name": "A name."}) for table in tables
    ]
    warehouse.serve(file, described, f"{number:06d}")


@contextmanager
def looping(server: Server, queries: Sequence[str]) -> Iterator[Loops]:
    """Readers who ask without a pause, one for each query, until the block ends in whatever way."""
    over = threading.Event()
    loops = Loops()

    def read(query: str) -> None:
        try:
            with closing(server.reader()) as connection, connection.cursor() as cursor:
                while not over.is_set():
                    started = time.monotonic()
                    cursor.execute(query)
                    loops.seen.append(cursor.fetchall())
                    loops.waits.append(time.monotonic() - started)
        except Exception as error:
            loops.errors.append(error)

    threads = [threading.Thread(target=read, args=(query,), daemon=True) for query in queries]
    for thread in threads:
        thread.start()
    try:
        while len(loops.seen) < len(threads) and not loops.errors:
            time.sleep(0.01)
        yield loops
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def reading_for_long(server: Server, table: str) -> Iterator[list[int]]:
    """A transaction that has read a table, and reads it again at the end."""
    with closing(server.reader()) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        connection.set_session(isolation_level="REPEATABLE READ")
        found: list[int] = []
        cursor.execute(f"select distinct number from {table}")
        found.extend(number for (number,) in cursor.fetchall())
        yield found
        cursor.execute(f"select distinct number from {table}")
        found.extend(number for (number,) in cursor.fetchall())
        connection.commit()


def test_a_reader_sees_the_public_schemas_and_nothing_else(
    server: Server, warehouse: PostgresWarehouse, tmp_path: Path
) -> None:
    serve(warehouse, tmp_path, 1)
    with closing(server.reader()) as reader, reader.cursor() as cursor:
        cursor.execute(
            "select nspname from pg_namespace where has_schema_privilege(oid, 'usage')"
            " and nspname not in ('pg_catalog', 'information_schema') order by nspname"
        )
        assert tuple(name for (name,) in cursor.fetchall()) == SCHEMAS
        cursor.execute("select count(*), count(note), count(distinct note), min(seen_at) from metric.paid")
        assert [str(value) for value in cursor.fetchone()] == ["500", "250", "1", "2026-10-05 06:00:00"]
        cursor.execute(
            "select obj_description('metric.paid'::regclass), col_description('metric.paid'::regclass, 2)"
        )
        assert cursor.fetchone() == ("Release 1.", "A name.")
        for statement in ("create table metric.mine (a int)", "create table public.mine (a int)"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("delete from metric.paid")
    with pytest.raises(psycopg2.OperationalError, match="CONNECT privilege"):
        server.reader("norte")
    # What the owner makes in a public schema later is readable without another word.
    server.execute("set role norte; create table metric.later as select 1 as a", "norte_published")
    with closing(server.reader()) as reader, reader.cursor() as cursor:
        cursor.execute("select a from metric.later")
    server.execute("drop table metric.later", "norte_published")


def test_readers_in_a_loop_see_whole_publications_and_no_error(
    server: Server, warehouse: PostgresWarehouse, tmp_path: Path
) -> None:
    serve(warehouse, tmp_path, 10)
    in_turns = [TABLES[turn:] + TABLES[:turn] for turn in range(4)]
    queries = [numbers_of(tables) for tables in (*in_turns, *(turn[::-1] for turn in in_turns))]
    with looping(server, queries) as loops, reading_for_long(server, "metric.paid") as long:
        took = []
        for number in range(11, 19):
            started = time.monotonic()
            serve(warehouse, tmp_path, number)
            took.append(time.monotonic() - started)
            reached = len(loops.seen)
            while len(loops.seen) < reached + 2 * len(queries) and not loops.errors:
                time.sleep(0.01)
    assert not loops.errors
    assert {len(rows) for rows in loops.seen} == {1}
    assert {len(set(rows[0])) for rows in loops.seen} == {1}, "a statement mixed two publications"
    assert {rows[0][0] for rows in loops.seen} == set(range(10, 19)), "each was seen as soon as it was there"
    assert long == [10, 10], "a transaction keeps what it began with"
    assert max(loops.waits) < 10
    assert max(took) < 20


def test_columns_that_change_are_exchanged_between_two_statements_of_readers(
    server: Server, warehouse: PostgresWarehouse, tmp_path: Path
) -> None:
    serve(warehouse, tmp_path, 20)
    with looping(server, [numbers_of(TABLES)] * 3 + [numbers_of(TABLES[2:])] * 2) as loops:
        for number, more in ((21, ", i as extra"), (22, ", i :: text as extra"), (23, "")):
            serve(warehouse, tmp_path, number, more=more)
    assert not loops.errors
    assert {len(rows) for rows in loops.seen} == {1}
    assert {len(set(rows[0])) for rows in loops.seen} == {1}
    assert max(loops.waits) < 10
    serve(warehouse, tmp_path, 24, tables=TABLES[:3])
    as_before = DuckDBWarehouse(tmp_path / "release-24.duckdb")
    with (
        as_before.open() as one,
        PostgresWarehouse(
            server.address.removesuffix("norte") + "norte_published", password=PASSWORD
        ).open() as other,
    ):
        assert [one.columns(schema) for schema in SCHEMAS] == [other.columns(schema) for schema in SCHEMAS]


def test_who_reads_a_table_whose_columns_change_for_too_long_is_named(
    server: Server, warehouse: PostgresWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.warehouses.postgres._PATIENCE_SECONDS", 0.5)
    serve(warehouse, tmp_path, 30)
    with reading_for_long(server, "metric.paid") as long:
        with pytest.raises(WarehouseError, match=r'readers of "metric"."paid".*\(process \d+\)'):
            serve(warehouse, tmp_path, 31, more=", i as extra")
        serve(warehouse, tmp_path, 32)
    assert long == [30, 30]


def test_what_publications_replaced_takes_no_room(
    server: Server, warehouse: PostgresWarehouse, tmp_path: Path
) -> None:
    def size() -> int:
        with closing(server.reader()) as reader, reader.cursor() as cursor:
            cursor.execute("select pg_relation_size('metric.paid')")
            return int(cursor.fetchone()[0])

    serve(warehouse, tmp_path, 40)
    first = size()
    for number in range(41, 49):
        serve(warehouse, tmp_path, number)
    assert size() <= 3 * first


def numbers_of(tables: Sequence[str]) -> str:
    """Of which publications a statement finds its tables, which it looks up in this order."""
    names = [f"t{place}" for place in range(len(tables))]
    found = ", ".join(f"{table} as {name}" for table, name in zip(tables, names, strict=True))
    where = " and ".join(f"{name}.name = '{place}'" for place, name in enumerate(names))
    return f"select distinct {', '.join(f'{name}.number' for name in names)} from {found} where {where}"
