"""What readers of the PostgreSQL warehouse may see, and that publications never get in their way."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest

from ingestion.warehouse import ServedTable
from ingestion.warehouses.postgres import PostgresWarehouse
from tests.postgres.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

SCHEMAS = ("delivery", "governance", "impact", "insight", "metric")
TABLES = [("delivery", "items"), ("insight", "said"), ("metric", "paid"), ("metric", "used")]


def serve(warehouse: PostgresWarehouse, folder: Path, number: int) -> None:
    """A publication whose every table says which one it is of."""
    file = folder / f"release-{number}.duckdb"
    with duckdb.connect(str(file)) as release:
        for schema in SCHEMAS:
            release.execute(f"create schema {schema}")
        for schema, table in TABLES:
            release.execute(
                f"create table {schema}.{table} as select {number} :: bigint as number, i :: text as name, "
                "case when i % 2 = 0 then '' end as note, i / 7 :: double as share, "
                "(i / 3) :: decimal(28, 6) as amount, timestamp '2026-10-05 06:00:00' as seen_at "
                "from range(500) as t (i)"
            )
    described = [
        ServedTable(schema, table, f"Release {number}.", {"name": "A name."}) for schema, table in TABLES
    ]
    warehouse.serve(file, described, f"{number:06d}")


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
    over = threading.Event()
    seen: list[tuple[int, ...]] = []
    waits: list[float] = []
    errors: list[Exception] = []

    def read() -> None:
        query = (
            "select distinct a.number, b.number, c.number, d.number from metric.paid as a,"
            " delivery.items as b, insight.said as c, metric.used as d where a.name = '3' and b.name = '4'"
            " and c.name = '5' and d.name = '6'"
        )
        try:
            connection = server.reader()
            with connection.cursor() as cursor:
                while not over.is_set():
                    started = time.monotonic()
                    cursor.execute(query)
                    seen.extend(cursor.fetchall())
                    waits.append(time.monotonic() - started)
            connection.close()
        except Exception as error:
            errors.append(error)

    def read_for_long() -> None:
        try:
            connection = server.reader()
            with connection.cursor() as cursor:
                cursor.execute("select count(*), pg_sleep(12) from metric.paid group by 2 :: text")
                assert cursor.fetchall()[0][0] == 500
            connection.close()
        except Exception as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    long_one = threading.Thread(target=read_for_long)
    for thread in (*readers, long_one):
        thread.start()
    started = time.monotonic()
    for number in range(11, 19):
        serve(warehouse, tmp_path, number)
    took = time.monotonic() - started
    over.set()
    for thread in (*readers, long_one):
        thread.join()
    assert not errors
    assert {len(set(row)) for row in seen} == {1}, "a statement mixed two publications"
    assert {row[0] for row in seen} >= {10, 18}
    assert max(waits) < 10
    assert took < 100
    serve(warehouse, tmp_path, 19)
    with closing(server.reader()) as reader, reader.cursor() as cursor:
        cursor.execute("select nspname from pg_namespace where nspname like 'norte%'")
        assert cursor.fetchall() == [], "what nobody reads any more is gone"
