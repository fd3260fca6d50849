"""DuckDB: a file on this machine, the default.

Belongs here: everything that only DuckDB needs as a warehouse. Does not belong here: its use as a calculator
in memory, and the published files.

DuckDB locks a whole file per process: a writer shuts out every reader. So everything that opens the file
first takes `<path>.lock` and waits its turn, instead of failing.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa

from ingestion.errors import IngestionError, WarehouseError
from ingestion.warehouse import (
    Catalogue,
    Examined,
    ServedTable,
    Session,
    TableCopy,
    Warehouse,
    disk_full,
    is_disk_full,
)

logger = logging.getLogger(__name__)

_held = threading.local()
_SAY_AFTER_SECONDS = 2.0
# Of a load; more is written to disk and read back.
_LOAD_MEMORY = "512MB"
_ORIGINAL_SCHEMAS = ("raw_", "enrichment_")


class DuckDBWarehouse(Warehouse):
    """A DuckDB file that several processes use in turn.

    Arguments:
        path: of the DuckDB file; its folder is made when missing. `<path>.lock` lies beside it.
    """

    kind: ClassVar[str] = "duckdb"
    concurrent_writers: ClassVar[int] = 1
    load_workers: ClassVar[int] = 1

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self.lock_path = self.path.with_name(self.path.name + ".lock")

    def __repr__(self) -> str:
        return f"DuckDBWarehouse({str(self.path)!r})"

    @property
    def place(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def lock(self, who: str = "", dataset: str | None = None) -> Iterator[None]:
        """Hold the file; also for what opens it itself (dbt, dlt, an expectation suite)."""
        depths: dict[str, int] = _held.__dict__.setdefault("depths", {})
        name = str(self.path)
        if depths.get(name):
            depths[name] += 1
            try:
                yield
            finally:
                depths[name] -= 1
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait_for(handle)
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{who or 'norte'} (process {os.getpid()})".encode(), 0)
            depths[name] = 1
            try:
                yield
            finally:
                depths[name] = 0
        finally:
            os.close(handle)

    @contextmanager
    def connect(self, read_only: bool = False, who: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of DuckDB's own in UTC that holds the lock; closed, and with it the file, at the end.

        Raises WarehouseError when the file cannot be opened, DiskFull when there is no space left.
        """
        with self.lock(who):
            try:
                connection = duckdb.connect(str(self.path), read_only=read_only)
            except (duckdb.Error, OSError) as error:
                raise self._not_opened(error) from error
            try:
                connection.execute("set TimeZone = 'UTC'")
                yield connection
            except (duckdb.IOException, OSError) as error:
                if is_disk_full(error):
                    raise disk_full(self.path) from error
                raise
            finally:
                connection.close()

    @contextmanager
    def open(self, read_only: bool = False, who: str = "") -> Iterator[Session]:
        with self.connect(read_only, who) as connection:
            yield _Session(connection)

    @contextmanager
    def loading(self, who: str, dataset: str) -> Iterator[None]:
        """As long as the file is open, all connections of this process share one instance of DuckDB, with its
        limits; and it is written down as a whole when the last of them closes.
        """
        with self.connect(who=who) as connection:
            connection.execute(f"set memory_limit = '{_LOAD_MEMORY}'")
            # Two threads that insert fill groups of rows of their own and put them together afterwards: that
            # costs half as much again, and leaves the groups, and so the file, larger than they need be.
            connection.execute("set threads = 1")
            yield

    def destination(self) -> Any:
        from ingestion.warehouses.duckdb_loading import DuckDBDestination

        # A path by itself is parsed by SQLAlchemy, whose import takes longer than a small load.
        return DuckDBDestination({"database": str(self.path)})

    def dbt_environment(self) -> dict[str, str]:
        return {"NORTE_WAREHOUSE": self.kind, "NORTE_WAREHOUSE_PATH": str(self.path)}

    def sql_address(self) -> tuple[str, dict[str, Any]]:
        return f"duckdb:///{self.path}", {"read_only": True}

    def explained(self, error: BaseException) -> IngestionError | None:
        return disk_full(self.path) if is_disk_full(error) else None

    @contextmanager
    def copying(self, file: Path, storage_version: str | None) -> Iterator[TableCopy]:
        with self.connect(who="publication") as connection:
            version = f" (storage_version {_literal(storage_version)})" if storage_version else ""
            connection.execute(f"attach {_literal(str(file))} as release{version}")
            yield _Copy(connection)
            connection.execute("detach release")

    def serve(self, file: Path, tables: Sequence[ServedTable], name: str) -> None:
        """Nothing to do: readers open the published file."""

    def rewrite(self) -> tuple[int, int]:
        """DuckDB never shrinks a file. A kill at any moment leaves it as it was, or the new one complete."""
        fresh = self.path.with_name(self.path.name + ".compacting")
        before = self.path.stat().st_size if self.path.exists() else 0
        with self.connect() as connection:
            connection.execute("checkpoint")
        fresh.unlink(missing_ok=True)
        fresh.with_name(fresh.name + ".wal").unlink(missing_ok=True)
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"attach {_literal(str(self.path))} as old (read_only)")
            connection.execute(f"attach {_literal(str(fresh))} as fresh")
            connection.execute("copy from database old to fresh")
        fresh.replace(self.path)
        return before, self.path.stat().st_size

    @contextmanager
    def saved_raw(self, folder: Path) -> Iterator[Path]:
        """The file as it is: what was built from raw comes along, and need not be built again."""
        with self.connect() as connection:
            connection.execute("force checkpoint")
        yield self.path

    def restore_raw(self, file: Path) -> None:
        """The file in one step; the log of the old one first, which must never meet the new file."""
        if self.path.exists():
            # A damaged one is what a backup is for.
            with suppress(IngestionError, duckdb.Error), self.connect() as connection:
                connection.execute("force checkpoint")
        self.path.with_name(self.path.name + ".wal").unlink(missing_ok=True)
        file.replace(self.path)

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self.path.with_name(self.path.name + ".wal").unlink(missing_ok=True)

    def holder(self) -> str | None:
        return lock_holder(self.lock_path)

    def examine(self, report: Callable[[Session], Iterator[Examined]]) -> Iterator[Examined]:
        if not self.path.exists():
            yield Examined("file", "ok", "none yet: `norte run` makes it")
            return
        holder = self.holder()
        if holder is not None:
            yield Examined("lock", "ok", f"held by {holder}: it is at work, so the file was not opened")
            return
        yield Examined("lock", "ok", "free")
        try:
            with self.connect(who="doctor") as connection:
                connection.execute("begin")
                connection.execute("create table main.norte_doctor (written boolean)")
                connection.execute("rollback")
                found = list(report(_Session(connection)))
        except (IngestionError, duckdb.Error) as error:
            remedy = "close what has it open, check its rights; if it is damaged, `norte restore` a backup"
            yield Examined("file", "problem", str(error), remedy)
            return
        yield Examined("file", "ok", "can be written")
        yield from found

    def _wait_for(self, handle: int) -> None:
        pause = 0.005
        waited = 0.0
        has_spoken = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited >= _SAY_AFTER_SECONDS and not has_spoken:
                    holder = os.pread(handle, 200, 0).decode(errors="replace") or "another process"
                    logger.info("waiting for %s, held by %s", self.path.name, holder)
                    has_spoken = True
                time.sleep(pause)
                waited += pause
                pause = min(0.1, pause * 1.5)
            else:
                return

    def _not_opened(self, error: Exception) -> WarehouseError:
        if is_disk_full(error):
            return disk_full(self.path)
        text = str(error)
        if "Conflicting lock" in text or "Could not set lock" in text:
            return WarehouseError(
                f"{self.path}: expected nobody else to have the file open; another program has. What to do: "
                "close it (BI tools read the published copy, never this file) and run again"
            )
        if not self.path.exists():
            return WarehouseError(
                f"{self.path}: expected the warehouse; there is no such file. What to do: ingest first"
            )
        return WarehouseError(
            f"{self.path}: expected a DuckDB file that can be opened; came: {text}. What to do: check its "
            "rights and whether a newer version wrote it; if it is damaged, restore a backup"
        )


class _Session(Session):
    arrival_order: ClassVar[str] = "rowid"
    row_address: ClassVar[str] = "cast(rowid as varchar)"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, dict(parameters) if parameters else None).fetchall()

    def arrow(self, query: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        found = self._connection.sql(query, params=dict(parameters) if parameters else None)
        table: pa.Table = found.to_arrow_table()
        return table

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._connection.execute(statement, dict(parameters) if parameters else None)

    def columns(self, schema: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        query = (
            "select table_name, column_name from duckdb_columns() where schema_name = $schema"
            " and database_name = current_database()"
        )
        for table, column in self.rows(query, {"schema": schema}):
            found.setdefault(table, set()).add(column)
        return found

    def catalogue(self, prefix: str) -> Catalogue:
        found: Catalogue = {}
        query = (
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where starts_with(schema_name, $prefix) and database_name = current_database()"
        )
        for schema, table, column in self.rows(query, {"prefix": prefix}):
            found.setdefault(schema, {}).setdefault(table, set()).add(column)
        return found

    def schemas(self, prefix: str) -> list[str]:
        query = (
            "select schema_name from information_schema.schemata where starts_with(schema_name, $prefix)"
            " and catalog_name = current_database() order by schema_name"
        )
        return [name for (name,) in self.rows(query, {"prefix": prefix})]

    def row_counts(self) -> dict[str, int]:
        query = (
            "select schema_name || '.' || table_name, estimated_size from duckdb_tables() where not internal"
        )
        return {name: int(count) for name, count in self.rows(query) if count is not None}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("begin")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def amend(self, table: str, rows: pa.Table) -> None:
        columns = [name for name in rows.column_names if name != "_row"]
        told = ", ".join(f"{name} = amended.{name}" for name in columns)
        self._connection.register("amended", rows)
        self._connection.execute(
            f"update {table} set {told} from amended where {table}.rowid = cast(amended._row as bigint)"
        )
        self._connection.unregister("amended")

    def drop_built(self) -> list[str]:
        found = self._connection.execute(
            "select schema_name from duckdb_schemas() where database_name = current_database() and not"
            " internal order by schema_name"
        ).fetchall()
        built = [name for (name,) in found if not name.startswith(_ORIGINAL_SCHEMAS) and name != "main"]
        for name in built:
            self._connection.execute(f'drop schema "{name}" cascade')
        return built

    def latest_rows(self, table: str, condition: str, key: str, columns: Sequence[str]) -> str:
        picked = ", ".join(f"'c{number}': {column}" for number, column in enumerate(columns))
        told = ", ".join(f"latest.c{number}" for number in range(len(columns)))
        # Several times as fast as a window. In a struct a null would come last: it is older than everything.
        return f"""
            select {key}, {told} from (
                select {key}, arg_max(
                    {{{picked}}},
                    {{
                        'a': coalesce(_source_updated_at, '-infinity'::timestamp),
                        'b': _extracted_at,
                        'c': _dlt_load_id
                    }}
                ) as latest
                from {table} where {condition} group by {key}
            )
        """


class _Copy(TableCopy):
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        found = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_catalog = current_database()"
        ).fetchall()
        self.present = frozenset(name for (name,) in found)

    def copy(self, schema: str, table: str) -> int:
        name = f'"{schema}"."{table}"'
        self._connection.execute(f'create schema if not exists release."{schema}"')
        self._connection.execute(f"create table release.{name} as select * from {name}")
        row = self._connection.execute(f"select count(*) from release.{name}").fetchone()
        return int(row[0]) if row else 0


def lock_holder(path: Path) -> str | None:
    """Who holds a lock file; None if nobody does."""
    if not path.exists():
        return None
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(handle, 200, 0).decode(errors="replace") or "another process"
    finally:
        os.close(handle)
    return None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
