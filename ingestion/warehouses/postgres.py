"""PostgreSQL 15 or newer: a server, for a team with many readers.

Belongs here: everything that only PostgreSQL needs as a warehouse. Does not belong here: installing it, and
the SQL of models (`dbt_project/macros/warehouses/postgres.sql`).

Two databases on one server:

    norte              raw, staging, intermediate, and the marts as the build makes them; nobody but Norte
    norte_published    the public schemas, and nothing else; the reader's role reads them

A publication is one transaction that exchanges the rows of every table. A statement of a reader sees what was
committed before it began, in all its tables alike, and it neither waits for a publication nor is waited for:
rows that are deleted and inserted need no lock that keeps readers out. What was deleted is vacuumed away
afterwards. Exchanging tables or schemas instead would need such locks: names are looked up one after another,
so a statement could find one table before the exchange and the next one after it; and readers who hold one
table and wait for another, which the publication holds while it waits for the first, stand in its way for as
long as there are enough of them. Only a table whose columns have changed is still replaced by another, at the
end of the same transaction, in a moment without readers of that table.

Who may write is settled by advisory locks: a load holds one on its dataset, everything else one on all. They
live as long as a session does, so a pool of connections between Norte and the server must not share sessions.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, cast
from urllib.parse import quote, urlencode

import dlt
import duckdb
import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import HasFollowupJobs, LoadJob, PreparedTableSchema, RunnableLoadJob
from dlt.destinations.impl.postgres.postgres import PostgresClient

from ingestion.errors import IngestionError, WarehouseError
from ingestion.warehouse import (
    Catalogue,
    Examined,
    ServedTable,
    Session,
    TableCopy,
    Warehouse,
    causes,
    disk_full,
    is_disk_full,
)
from ingestion.warehouses.destination import GivenDestination

logger = logging.getLogger(__name__)

LEAST_VERSION = 15
_ORIGINAL_SCHEMAS = ("raw_", "enrichment_")
_BUILT_SCHEMAS = (
    *("staging", "intermediate", "reference", "main"),
    *("insight", "metric", "delivery", "impact", "governance"),
)
_NEXT = "norte_next_"
_MARK = "Norte, publication "
_SAY_AFTER = "2s"
_LOCK_WAIT = "150ms"
_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0
_BUFFER_BYTES = 64 << 20
_held = threading.local()
_SESSION_OPTIONS = " ".join(
    f"-c {option}"
    for option in (
        "TimeZone=UTC",
        "DateStyle=ISO",
        # A query whose client was killed ends soon, and with it its locks.
        "client_connection_check_interval=10s",
        "statement_timeout=0",
        "lock_timeout=0",
        "idle_session_timeout=0",
    )
)
_ARROW_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    25: pa.string(),
    700: pa.float64(),
    701: pa.float64(),
    705: pa.string(),
    1043: pa.string(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
_NUMERIC = 1700
_TYPES = {
    "VARCHAR": "text",
    "BIGINT": "bigint",
    "INTEGER": "bigint",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "HUGEINT": "numeric(38,0)",
}


class PostgresWarehouse(Warehouse):
    """A PostgreSQL database, and a second one that readers see.

    Arguments:
        address: libpq's, `postgresql://user@host:5432/database`, with or without a password.
        password: wins over the address's; without either, libpq looks into its password file.
        published_database: what readers see; default: the database's name with `_published`.
        reader_role: the role that reads it.

    Raises WarehouseError when the address is none; it is never repeated.
    """

    kind: ClassVar[str] = "postgres"
    concurrent_writers: ClassVar[int] = 8
    load_workers: ClassVar[int] = 4

    def __init__(
        self, address: str, *, password: str = "", published_database: str = "", reader_role: str = ""
    ) -> None:
        try:
            self._parts = dict(psycopg2.extensions.parse_dsn(address))
        except psycopg2.Error:
            self._parts = {}
        if not self._parts.keys() >= {"host", "user", "dbname"}:
            raise WarehouseError(
                "NORTE_POSTGRES_URL: expected postgresql://user@host:5432/database; came "
                f"{'something else' if address else 'nothing'}. What to do: set it, and the password by "
                "NORTE_POSTGRES_PASSWORD"
            )
        if password:
            self._parts["password"] = password
        self._parts.setdefault("port", "5432")
        self.database = self._parts["dbname"]
        self.published_database = published_database or f"{self.database}_published"
        self.reader_role = reader_role or "norte_reader"

    def __repr__(self) -> str:
        return f"PostgresWarehouse({self.place!r})"

    @property
    def place(self) -> str:
        return f"PostgreSQL {self.database} on {self._parts['host']}:{self._parts['port']}"

    def exists(self) -> bool:
        with self.open(who="a look") as session:
            return bool(session.schemas("raw_"))

    @contextmanager
    def lock(self, who: str = "", dataset: str | None = None) -> Iterator[None]:
        """Hold everything, or with a dataset that one; whoever holds a dataset keeps holders of all out."""
        depths: dict[str, int] = _held.__dict__.setdefault(self.place, {})
        wanted = dataset or ""
        name = "" if depths.get("") else wanted
        if depths.get(name):
            depths[name] += 1
            try:
                yield
            finally:
                depths[name] -= 1
            return
        if not wanted and any(depths.values()):
            raise RuntimeError("expected no lock on a dataset while taking the one on all; take that first")
        with self._explaining(), closing(self._connect(who)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                if wanted:
                    self._wait_for(cursor, "pg_advisory_lock_shared", "")
                self._wait_for(cursor, "pg_advisory_lock", wanted)
            depths[wanted] = 1
            try:
                yield
            finally:
                depths[wanted] = 0

    def holder(self) -> str | None:
        with self.open(who="a look") as session:
            return _holder(session, _lock_key(""))

    @contextmanager
    def open(self, read_only: bool = False, who: str = "") -> Iterator[Session]:
        with self._explaining(), closing(self._connect(who)) as connection:
            connection.set_session(readonly=read_only, autocommit=True)
            yield _Session(connection)

    def loading(self, who: str, dataset: str) -> AbstractContextManager[None]:
        return self.lock(who, dataset)

    def destination(self) -> Any:
        query = {
            name: value
            for name, value in self._parts.items()
            if name not in ("host", "port", "user", "password", "dbname")
        }
        return _Destination(
            credentials={
                "drivername": "postgresql",
                "host": self._parts["host"],
                "port": int(self._parts["port"]),
                "username": self._parts["user"],
                "password": self._parts.get("password"),
                "database": self.database,
                "query": {**query, "options": _SESSION_OPTIONS, "application_name": "norte load"},
            },
            destination_name="postgres",
        )

    def dbt_environment(self) -> dict[str, str]:
        libpq = {
            "PGHOST": self._parts["host"],
            "PGPORT": self._parts["port"],
            "PGUSER": self._parts["user"],
            "PGDATABASE": self.database,
            "PGTZ": "UTC",
            "PGOPTIONS": _SESSION_OPTIONS,
        }
        for name, value in self._parts.items():
            if name.startswith("ssl"):
                libpq[f"PG{name.upper()}"] = value
        return {
            "NORTE_WAREHOUSE": self.kind,
            # dbt keeps what is named so out of its logs.
            "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": self._parts.get("password", ""),
            **libpq,
        }

    def sql_address(self) -> tuple[str, dict[str, Any]]:
        secret = f":{quote(self._parts['password'], safe='')}" if "password" in self._parts else ""
        query = {
            name: value for name, value in self._parts.items() if name not in ("user", "password", "dbname")
        } | {"options": _SESSION_OPTIONS, "application_name": "norte checks"}
        user, database = quote(self._parts["user"], safe=""), quote(self.database, safe="")
        return f"postgresql+psycopg2://{user}{secret}@/{database}?{urlencode(query, quote_via=quote)}", {}

    def explained(self, error: BaseException) -> IngestionError | None:
        if is_disk_full(error):
            return disk_full(self.place)
        for one in causes(error):
            if isinstance(one, psycopg2.Error) and (found := self._in_words(one.pgcode, str(one))):
                return found
        # A load that cannot succeed keeps its cause as text only.
        text = " ".join(str(one) for one in causes(error))
        if "permission denied" in text or "must be owner" in text:
            return self._in_words("42501", text[max(text.find("permission denied"), 0) :])
        return None

    def _in_words(self, code: str | None, text: str) -> IngestionError | None:
        came = next((line.strip() for line in text.splitlines() if line.strip()), "no message")[:300]
        came = came.rpartition("FATAL: ")[2].strip()
        if code in ("28P01", "28000") or "authentication" in text or "pg_hba.conf" in text:
            return WarehouseError(
                f"{self.place}: expected the server to let {self._parts['user']} in; came: {came}. What to "
                "do: correct NORTE_POSTGRES_URL or NORTE_POSTGRES_PASSWORD (or libpq's password file), or "
                "the server's pg_hba.conf"
            )
        if code == "3D000" or ('database "' in text and "does not exist" in text):
            return WarehouseError(
                f"{self.place}: expected its databases; came: {came}. What to do: make them; `norte doctor` "
                "writes the statements"
            )
        if code == "42501":
            return WarehouseError(
                f"{self.place}: expected the rights of an owner; came: {came}. What to do: `norte doctor` "
                "names the missing rights; grant them and run again: nothing is lost"
            )
        if code == "53300":
            return WarehouseError(
                f"{self.place}: expected a free connection; came: {came}. What to do: raise the server's "
                "max_connections, or close some, and run again"
            )
        if code is None or code.startswith(("08", "57P")):
            return WarehouseError(
                f"{self.place}: expected the server to answer; came: {came}. What to do: see that it runs "
                "and can be reached, and run again: nothing is lost and nothing will be doubled"
            )
        return None

    @contextmanager
    def copying(self, file: Path, storage_version: str | None) -> Iterator[TableCopy]:
        version = f" (storage_version '{storage_version}')" if storage_version else ""
        with (
            self.lock("publication"),
            self.open(who="publication") as session,
            duckdb.connect(":memory:") as target,
        ):
            target.execute("set TimeZone = 'UTC'")
            target.execute(f"attach '{_quoted(str(file))}' as release{version}")
            yield _Copy(cast(_Session, session), target)
            target.execute("detach release")

    def serve(self, file: Path, tables: Sequence[ServedTable], name: str) -> None:
        """Exchange the rows that readers see in one transaction, which they neither notice nor wait for."""
        with (
            self._explaining(),
            closing(self._connect("publication", self.published_database)) as connection,
            duckdb.connect(str(file), read_only=True) as release,
        ):
            with connection, connection.cursor() as cursor:
                cursor.execute("select pg_advisory_lock(%s)", [_lock_key("publication")])
                self._refuse_foreign(cursor, {table.schema for table in tables})
                self._keep_to_readers(cursor)
            with connection, connection.cursor() as cursor:
                _Publication(self, cursor, release).run(tables, name)
            connection.autocommit = True
            with connection.cursor() as cursor:
                for table in tables:
                    # Not a plain vacuum: that would wait behind whoever locked a table.
                    cursor.execute(f"vacuum (analyze, skip_locked) {_name(table.schema)}.{_name(table.name)}")

    def _refuse_foreign(self, cursor: Any, schemas: set[str]) -> None:
        cursor.execute(
            "select nspname from pg_namespace where nspname = any(%s)"
            " and coalesce(obj_description(oid, 'pg_namespace'), '') not like %s",
            [sorted(schemas), f"{_MARK}%"],
        )
        foreign = [schema for (schema,) in cursor.fetchall()]
        if foreign:
            raise WarehouseError(
                f"{self.published_database}: expected a database for publications alone; somebody else's "
                f"schemas lie in it: {', '.join(foreign)}. What to do: name another one by "
                "NORTE_POSTGRES_PUBLISHED_DATABASE, or remove them"
            )

    def _keep_to_readers(self, cursor: Any) -> None:
        """Nobody else looks in, and nobody makes anything; where we may not say so, `norte doctor` does."""
        for statement in (
            f"revoke all on database {_name(self.database)} from public",
            f"revoke all on database {_name(self.published_database)} from public",
            "revoke all on schema public from public",
            f"grant connect on database {_name(self.published_database)} to {_name(self.reader_role)}",
        ):
            cursor.execute("savepoint rights")
            try:
                cursor.execute(statement)
            except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedObject):
                cursor.execute("rollback to savepoint rights")

    def rewrite(self) -> tuple[int, int]:
        """Both databases, each table in a moment without readers of it."""
        sizes = [self._rewrite_database(name) for name in (self.database, self.published_database)]
        return sum(before for before, _ in sizes), sum(after for _, after in sizes)

    def _rewrite_database(self, database: str) -> tuple[int, int]:
        with self._explaining(), closing(self._connect("compact", database)) as connection:
            connection.autocommit = True
            session = _Session(connection)
            ours = [
                f"{_name(schema)}.{_name(table)}"
                for schema, table in session.rows(
                    "select schemaname, tablename from pg_tables where tableowner = current_user"
                    " and schemaname not in ('pg_catalog', 'information_schema') order by 1, 2"
                )
            ]
            size = "select pg_database_size(current_database())"
            before = int(session.rows(size)[0][0])
            for table in ours:
                self._rewrite_table(connection, table)
            # The planner's statistics quote the values that come most often. Without the right to, the server
            # says so and leaves them.
            session.execute("vacuum (full) pg_catalog.pg_statistic")
            return before, int(session.rows(size)[0][0])

    def _rewrite_table(self, connection: Any, table: str) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        with connection.cursor() as cursor:
            cursor.execute(f"set lock_timeout = '{_LOCK_WAIT}'")
            while True:
                try:
                    cursor.execute(f"vacuum (full, analyze) {table}")
                except psycopg2.errors.LockNotAvailable:
                    if time.monotonic() > until:
                        raise WarehouseError(
                            f"{self.place}: expected a moment without readers of {table} within "
                            f"{_PATIENCE_SECONDS:.0f} s, to write it anew. What to do: let them end, and "
                            "call the same command again: it goes on"
                        ) from None
                    time.sleep(_PAUSE_SECONDS)
                else:
                    cursor.execute("set lock_timeout = 0")
                    return

    @contextmanager
    def saved_raw(self, folder: Path) -> Iterator[Path]:
        """A DuckDB file with raw alone: the rest is built from it."""
        # A folder of ours alone: it holds personal data.
        with tempfile.TemporaryDirectory(prefix=".norte-", dir=folder) as place:
            file = Path(place) / "warehouse.duckdb"
            with self.copying(file, None) as working:
                for name in sorted(working.present):
                    schema, _, table = name.partition(".")
                    if schema.startswith(_ORIGINAL_SCHEMAS):
                        working.copy(schema, table)
            yield file

    def restore_raw(self, file: Path) -> None:
        with (
            self._explaining(),
            duckdb.connect(str(file), read_only=True) as saved,
            closing(self._connect("restore")) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            saved.execute("set TimeZone = 'UTC'")
            self._drop_all(cursor)
            found = saved.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
                " order by all"
            ).fetchall()
            for schema, table in found:
                if not schema.startswith(_ORIGINAL_SCHEMAS):
                    continue
                columns = saved.execute(
                    "select column_name, data_type from duckdb_columns() where schema_name = ? and"
                    " table_name = ? and database_name = current_database() order by column_index",
                    [schema, table],
                ).fetchall()
                target = f"{_name(schema)}.{_name(table)}"
                cursor.execute(f"create schema if not exists {_name(schema)}")
                _create(cursor, target, columns)
                rows = saved.sql(f'select * from "{schema}"."{table}"').to_arrow_reader()
                _copy_in(cursor, target, [column for column, _ in columns], rows)

    def clear(self) -> None:
        with (
            self._explaining(),
            self.lock("clear"),
            closing(self._connect("clear")) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            self._drop_all(cursor)

    def _drop_all(self, cursor: Any) -> None:
        cursor.execute("select nspname from pg_namespace")
        for (schema,) in cursor.fetchall():
            if schema.startswith(_ORIGINAL_SCHEMAS) or schema in _BUILT_SCHEMAS:
                cursor.execute(f"drop schema {_name(schema)} cascade")

    def examine(self, report: Callable[[Session], Iterator[Examined]]) -> Iterator[Examined]:
        named = {"database": self.database, "readers": self.published_database}
        for subject, database in named.items():
            try:
                with self._explaining(), closing(self._connect("doctor", database)) as connection:
                    connection.autocommit = True
                    found = list(self._examine_database(_Session(connection), database, subject))
            except IngestionError as error:
                words, _, remedy = str(error).partition(". What to do: ")
                if "expected its databases" in words:
                    remedy = self._statements()
                yield Examined(subject, "problem", words, remedy)
                return
            yield from found
        with self.open(who="doctor") as session:
            yield from report(session)

    def _examine_database(self, session: Session, database: str, subject: str) -> Iterator[Examined]:
        ((version, user, encoding, ordered, lower, may_create, has_reader),) = session.rows(
            "select current_setting('server_version_num')::int / 10000, current_user,"
            " current_setting('server_encoding'), ('a' > 'B') and ('a b' < 'aa') and ('Z' < 'é'),"
            " lower('É') = 'é', has_database_privilege(current_database(), 'create'),"
            " exists (select from pg_roles where rolname = $reader)",
            {"reader": self.reader_role},
        )
        if version < LEAST_VERSION:
            yield Examined(
                subject,
                "problem",
                f"expected PostgreSQL {LEAST_VERSION} or newer; came {version}",
                "upgrade the server",
            )
        if encoding != "UTF8" or not ordered or not lower:
            yield Examined(
                subject,
                "problem",
                f"expected {database} in UTF8, ordering text by its code points and knowing lower case; came "
                f"{encoding} with another order",
                f"make it anew: {self._statements()}",
            )
        if not may_create:
            yield Examined(
                subject,
                "problem",
                f"expected {user} to be allowed to make schemas in {database}; it is not",
                f"alter database {database} owner to {user}",
            )
        if not has_reader:
            yield Examined(
                subject,
                "problem",
                f"expected the readers' role {self.reader_role}; there is none",
                f"create role {self.reader_role} login, with a password of its own",
            )
        elif database == self.database and session.rows(
            "select 1 where has_database_privilege($reader, current_database(), 'connect')",
            {"reader": self.reader_role},
        ):
            yield Examined(
                subject,
                "warning",
                f"expected {self.reader_role} to be kept out of {database}, where personal data lies; it may "
                "connect",
                f"revoke connect on database {database} from public",
            )
        yield Examined(subject, "ok", f"{database}: PostgreSQL {version}, as {user}")

    def _statements(self) -> str:
        made = " ".join(
            f"create database {name} owner {self._parts['user']} template template0 encoding 'UTF8'"
            " lc_collate 'C' lc_ctype 'C.UTF-8';"
            for name in (self.database, self.published_database)
        )
        return f"as an administrator: create role {self.reader_role} login; {made}"

    def _connect(self, who: str, database: str | None = None) -> Any:
        return psycopg2.connect(
            **{
                "connect_timeout": "10",
                "keepalives_idle": "30",
                "keepalives_interval": "10",
                "keepalives_count": "3",
                **self._parts,
                "dbname": database or self.database,
                "application_name": f"norte {who}".strip()[:63],
                "options": _SESSION_OPTIONS,
            }
        )

    def _wait_for(self, cursor: Any, function: str, name: str) -> None:
        key = _lock_key(name)
        cursor.execute(f"set lock_timeout = '{_SAY_AFTER}'")
        try:
            cursor.execute(f"select {function}(%s)", [key])
        except psycopg2.errors.LockNotAvailable:
            holder = _holder(_Session(cursor.connection), key) or "another process"
            logger.info("waiting for %s, held by %s", self.place, holder)
            cursor.execute("set lock_timeout = 0")
            cursor.execute(f"select {function}(%s)", [key])

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Errors of the driver, also as SQLAlchemy wraps them, in words."""
        try:
            yield
        except Exception as error:
            wrapped = getattr(error, "orig", error)
            if isinstance(wrapped, psycopg2.Error) and (found := self.explained(wrapped)) is not None:
                raise found from None
            raise


class _Session(Session):
    arrival_order: ClassVar[str] = "ctid"
    row_address: ClassVar[str] = "cast(ctid as text)"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(*_asked(query, parameters))
            return cast(list[tuple[Any, ...]], cursor.fetchall())

    def arrow(self, query: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        with self.batches(query, parameters) as reader:
            return reader.read_all()

    @contextmanager
    def batches(
        self, query: str, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[pa.RecordBatchReader]:
        """The same in pieces, so that large tables need no memory."""
        with self._connection.cursor() as cursor, _scratch() as file:
            cursor.execute(*_asked(f"select * from ({query}) as asked limit 0", parameters))
            fields = [(column.name, _arrow_type(column)) for column in cursor.description]
            asked = cursor.mogrify(*_asked(query, parameters)).decode()
            # Everything that is not null is quoted: that is how empty text and null are told apart.
            cursor.copy_expert(f"copy ({asked}) to stdout (format csv, force_quote *)", file)
            schema = pa.schema(fields)
            if file.tell() == 0:
                yield pa.RecordBatchReader.from_batches(schema, [])
                return
            file.seek(0)
            numbered = [(f"c{number}", kind) for number, (_, kind) in enumerate(fields)]
            found = csv.open_csv(
                file,
                read_options=csv.ReadOptions(
                    column_names=[name for name, _ in numbered], block_size=_BUFFER_BYTES
                ),
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=csv.ConvertOptions(
                    column_types=dict(numbered),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    true_values=["t"],
                    false_values=["f"],
                ),
            )
            with found:
                batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in found)
                yield pa.RecordBatchReader.from_batches(schema, batches)

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(*_asked(statement, parameters))

    def columns(self, schema: str) -> dict[str, set[str]]:
        return self._described("nspname = $given", schema).get(schema, {})

    def catalogue(self, prefix: str) -> Catalogue:
        return self._described("starts_with(nspname, $given)", prefix)

    def _described(self, condition: str, given: str) -> Catalogue:
        found: Catalogue = {}
        # The catalogue itself: information_schema hides what one has no right on.
        query = (
            "select nspname, pg_class.relname, attname from pg_attribute"
            " inner join pg_class on pg_class.oid = attrelid"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            f" where {condition} and relkind in ('r', 'p', 'v', 'm') and attnum > 0 and not attisdropped"
        )
        for schema, table, column in self.rows(query, {"given": given}):
            found.setdefault(schema, {}).setdefault(table, set()).add(column)
        return found

    def schemas(self, prefix: str) -> list[str]:
        query = "select nspname from pg_namespace where starts_with(nspname, $prefix) order by nspname"
        return [name for (name,) in self.rows(query, {"prefix": prefix})]

    def row_counts(self) -> dict[str, int]:
        query = (
            "select nspname || '.' || relname, reltuples::bigint from pg_class"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind = 'r' and reltuples >= 0 and nspname not in ('pg_catalog', 'information_schema')"
        )
        return dict(cast(list[tuple[str, int]], self.rows(query)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("begin")
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        self.execute("commit")

    def amend(self, table: str, rows: pa.Table) -> None:
        columns = [name for name in rows.column_names if name != "_row"]
        told = ", ".join(f"{_name(name)} = amended.{_name(name)}" for name in columns)
        shape = ", ".join(f"{_name(name)} text" for name in rows.column_names)
        with self._connection.cursor() as cursor:
            cursor.execute(f"create temporary table amended ({shape})")
            _copy_in(cursor, "amended", rows.column_names, rows.to_reader())
            cursor.execute(
                f"update {table} set {told} from amended where {table}.ctid = cast(amended._row as tid)"
            )
            cursor.execute("drop table amended")

    def drop_built(self) -> list[str]:
        built = [name for name in self.schemas("") if name in _BUILT_SCHEMAS and name != "main"]
        for name in built:
            self.execute(f"drop schema {_name(name)} cascade")
        return built

    def latest_rows(self, table: str, condition: str, key: str, columns: Sequence[str]) -> str:
        return f"""
            select distinct on ({key}) {key}, {", ".join(columns)} from {table} where {condition}
            order by {key}, coalesce(_source_updated_at, '-infinity'::timestamp) desc, _extracted_at desc,
                _dlt_load_id desc
        """


class _Copy(TableCopy):
    def __init__(self, session: _Session, target: duckdb.DuckDBPyConnection) -> None:
        self._session = session
        self._target = target
        self.present = frozenset(
            f"{schema}.{table}"
            for schema, table in session.rows("select schemaname, tablename from pg_tables")
        )

    def copy(self, schema: str, table: str) -> int:
        name = f'"{schema}"."{table}"'
        self._target.execute(f'create schema if not exists release."{schema}"')
        with self._session.batches(f"select * from {name}") as reader:
            self._target.register("copied_rows", reader)
            self._target.execute(f"create table release.{name} as select * from copied_rows")
            self._target.unregister("copied_rows")
        row = self._target.execute(f"select count(*) from release.{name}").fetchone()
        return int(row[0]) if row else 0


class _Publication:
    """The transaction of a publication; see the module's opening words."""

    def __init__(self, warehouse: PostgresWarehouse, cursor: Any, release: duckdb.DuckDBPyConnection) -> None:
        self._warehouse = warehouse
        self._cursor = cursor
        self._release = release

    def run(self, tables: Sequence[ServedTable], name: str) -> None:
        self._make_schemas(name)
        served = self._served()
        replaced: list[tuple[str, str]] = []
        for table in tables:
            columns = self._release.execute(
                "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?"
                " and database_name = current_database() order by column_index",
                [table.schema, table.name],
            ).fetchall()
            shape = [(column, _type(kind)) for column, kind in columns]
            target = f"{_name(table.schema)}.{_name(table.name)}"
            before = served.pop((table.schema, table.name), None)
            if before == shape:
                self._cursor.execute(f"delete from {target}")
            else:
                if before is not None:
                    replaced.append((table.schema, table.name))
                    target = f"{_name(table.schema)}.{_name(_NEXT + table.name)}"
                _create(self._cursor, target, columns)
            reader = self._release.sql(f'select * from "{table.schema}"."{table.name}"').to_arrow_reader()
            _copy_in(self._cursor, target, [column for column, _ in columns], reader)
            self._describe(target, table, [column for column, _ in columns])
        self._wait_for_a_moment_without_readers([*replaced, *served])
        for schema, table_name in [*replaced, *served]:
            self._cursor.execute(f"drop table {_name(schema)}.{_name(table_name)} cascade")
        for schema, table_name in replaced:
            self._cursor.execute(
                f"alter table {_name(schema)}.{_name(_NEXT + table_name)} rename to {_name(table_name)}"
            )

    def _make_schemas(self, name: str) -> None:
        reader = _name(self._warehouse.reader_role)
        schemas = self._release.execute(
            "select schema_name from duckdb_schemas() where database_name = current_database() and"
            " schema_name <> 'main' and not internal order by schema_name"
        ).fetchall()
        for (schema,) in schemas:
            self._cursor.execute(f"create schema if not exists {_name(schema)}")
            self._cursor.execute(f"comment on schema {_name(schema)} is %s", [f"{_MARK}{name}"])
            self._cursor.execute(f"grant usage on schema {_name(schema)} to {reader}")
            # Also what is made in it later, by whatever means.
            self._cursor.execute(
                f"alter default privileges in schema {_name(schema)} grant select on tables to {reader}"
            )

    def _served(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """Tables of the publication before, and their columns."""
        self._cursor.execute(
            "select nspname, relname, attname, format_type(atttypid, atttypmod) from pg_namespace inner join"
            " pg_class on relnamespace = pg_namespace.oid and relkind = 'r' left join pg_attribute on"
            " attrelid = pg_class.oid and attnum > 0 and not attisdropped"
            " where obj_description(pg_namespace.oid, 'pg_namespace') like %s order by 1, 2, attnum",
            [f"{_MARK}%"],
        )
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for schema, table, column, kind in self._cursor.fetchall():
            found.setdefault((schema, table), []).append((column, kind))
        return found

    def _describe(self, target: str, table: ServedTable, columns: Sequence[str]) -> None:
        self._cursor.execute(f"comment on table {target} is %s", [table.description])
        for column in columns:
            self._cursor.execute(
                f"comment on column {target}.{_name(column)} is %s", [table.columns.get(column) or None]
            )

    def _wait_for_a_moment_without_readers(self, tables: Sequence[tuple[str, str]]) -> None:
        """Lock tables that others take the place of; gives way to readers who hold one and want another."""
        order = [f"{_name(schema)}.{_name(table)}" for schema, table in tables]
        until = time.monotonic() + _PATIENCE_SECONDS
        self._cursor.execute("savepoint unlocked")
        self._cursor.execute(f"set local lock_timeout = '{_LOCK_WAIT}'")
        while (held := self._lock_all(order)) is not None:
            self._cursor.execute("rollback to savepoint unlocked")
            self._cursor.execute(f"set local lock_timeout = '{_LOCK_WAIT}'")
            if time.monotonic() > until:
                raise WarehouseError(
                    f"{self._warehouse.published_database}: expected a moment without readers of {held}, "
                    f"whose columns change, within {_PATIENCE_SECONDS:.0f} s; it is read by "
                    f"{self._readers_of(held)}. What to do: let them end, and publish again; readers still "
                    "have the publication before"
                )
            # Those who hold it may wait for one that we took before it: next time it comes first.
            order.remove(held)
            order.insert(0, held)
            time.sleep(_PAUSE_SECONDS)
        self._cursor.execute("set local lock_timeout = 0")

    def _lock_all(self, tables: Sequence[str]) -> str | None:
        """Returns: the table that could not be locked, if there is one."""
        for table in tables:
            try:
                self._cursor.execute(f"lock table {table} in access exclusive mode")
            except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
                return table
        return None

    def _readers_of(self, table: str) -> str:
        self._cursor.execute(
            "select distinct coalesce(nullif(application_name, ''), 'a client') || ' (process ' || pid || ')'"
            " from pg_locks inner join pg_stat_activity using (pid) where granted and relation = %s::regclass"
            " and pid <> pg_backend_pid() order by 1 limit 5",
            [table],
        )
        return ", ".join(who for (who,) in self._cursor.fetchall()) or "many in turns"


class _CopyJob(RunnableLoadJob, HasFollowupJobs):
    """Streams a Parquet file into its table. dlt's own way takes a driver of its own, or loses empty text."""

    def run(self) -> None:
        client = cast(PostgresClient, self._job_client).sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        with pq.ParquetFile(self._file_path) as file, client.begin_transaction():
            rows = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())
            with client.native_connection.cursor() as cursor:
                _copy_in(cursor, table, file.schema_arrow.names, rows)


class _Client(PostgresClient):
    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        if file_path.endswith(".parquet"):
            return _CopyJob(file_path)
        return super().create_load_job(table, file_path, load_id, restore)


class _Destination(GivenDestination, dlt.destinations.postgres):
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.supported_loader_file_formats = ["parquet", "insert_values"]
        # dlt's own offers Parquet only where that other driver is installed.
        capabilities.loader_file_format_selector = None  # type: ignore[assignment]
        return capabilities

    @property
    def client_class(self) -> type[PostgresClient]:
        return _Client


def _create(cursor: Any, target: str, columns: Sequence[tuple[str, str]]) -> None:
    told = ", ".join(f"{_name(column)} {_type(kind)}" for column, kind in columns)
    cursor.execute(f"create table {target} ({told})")


def _type(kind: str) -> str:
    return _TYPES.get(kind) or kind.lower().replace("decimal", "numeric")


def _copy_in(cursor: Any, target: str, columns: Sequence[str], rows: pa.RecordBatchReader) -> None:
    """Arrow's rows into a table. Arrow quotes all text, so that only null is empty without quotes."""
    told = ", ".join(_name(column) for column in columns)
    statement = f"copy {target} ({told}) from stdin (format csv, null '')"
    for batch in rows:
        if batch.num_rows:
            with _scratch() as file:
                csv.write_csv(batch, file, csv.WriteOptions(include_header=False))
                file.seek(0)
                cursor.copy_expert(statement, file)


def _scratch() -> IO[bytes]:
    return cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=_BUFFER_BYTES))


def _asked(query: str, parameters: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """`$name` as the driver writes it."""
    if not parameters:
        return (query,)
    return re.sub(r"\$([a-z_]+)", r"%(\1)s", query.replace("%", "%%")), dict(parameters)


def _arrow_type(column: Any) -> pa.DataType:
    if column.type_code == _NUMERIC:
        return pa.decimal128(column.precision or 38, column.scale if column.precision else 9)
    return _ARROW_TYPES.get(column.type_code, pa.string())


def _lock_key(name: str) -> int:
    digest = hashlib.sha256(f"norte:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _holder(session: Session, key: int) -> str | None:
    found = session.rows(
        "select application_name, pg_locks.pid from pg_locks inner join pg_stat_activity using (pid)"
        " where locktype = 'advisory' and granted and objsubid = 1"
        " and ((classid::bigint << 32) | objid::bigint) = $key limit 1",
        {"key": key},
    )
    return f"{found[0][0]} (process {found[0][1]} of the server)" if found else None


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return text.replace("'", "''")
