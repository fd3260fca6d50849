"""From a connector's batches to raw rows: envelope, safe casts, versions, personal keys, children, rejects.

Belongs here: everything between a record and the Arrow table that is loaded. Does not belong here: where
records come from, and loading them (`pipeline.py`).

The work is done on whole batches in an in-memory DuckDB. Values arrive as the vendor wrote them; a value
that its column's type cannot read sends the row to `<resource>_rejected`, with the reason and without the
value in it.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.erasure.redaction import Redactor
from ingestion.errors import MalformedResponse
from ingestion.known import rejected_digest, stream_table
from ingestion.source import Batch, ColumnType, Malformed, Record, Resource
from ingestion.tables import ARROW_TYPES, arrow_schema, fetched, raw_columns, rejected_table

# One macro per type: null for nothing, null for what cannot be read (the caller tells them apart).
_CASTS: dict[ColumnType, str] = {
    "text": "x",
    "bigint": """case when regexp_full_match(trim(x), '[+-]?[0-9]+([.]0*)?')
        then try_cast(regexp_replace(trim(x), '[.]0*$', '') as bigint) end""",
    "double": "case when isfinite(try_cast(trim(x) as double)) then try_cast(trim(x) as double) end",
    "boolean": "try_cast(trim(x) as boolean)",
    # ISO 8601, also with an offset without colon (Jira: +0800); else epoch milliseconds or seconds.
    "timestamp": """coalesce(cast(try_cast(trim(x) as timestamptz) as timestamp), case
        when regexp_full_match(trim(x), '-?[0-9]{12,14}')
            then make_timestamp(1000 * try_cast(trim(x) as bigint))
        when regexp_full_match(trim(x), '[0-9]{9,11}([.][0-9]+)?')
            then make_timestamp(cast(try_cast(trim(x) as double) * 1000000 as bigint))
        end)""",
    "date": "coalesce(try_cast(trim(x) as date), cast(as_timestamp(x) as date))",
}
Children = Mapping[str, list[Mapping[str, Any]]]
_SQL_TYPES: dict[ColumnType, str] = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
}
# Rows, and bytes of them, that wait for each other before they are worked on.
_ENOUGH_ROWS = 10_000
_ENOUGH_BYTES = 32 << 20
# The same of event streams, where larger ones cost more for their memory than they save in statements.
_ENOUGH_EVENTS = 100_000
_ENOUGH_BYTES_OF_EVENTS = 12 << 20
# Nothing is compared with it, as an event's key has one version ever: a quick digest of the content will do.
_EVENT_VERSION = "md5(concat(_key, chr(31), hash(payload)))"
_JSON_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


@dataclass
class Counts:
    """What became of the rows, by resource."""

    appended: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    tombstones: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)


@dataclass
class _Waiting:
    """Records of a resource as they came, in tables of one page each."""

    tables: list[pa.Table] = field(default_factory=list)
    children: list[Children] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    size: int = 0

    def add(self, table: pa.Table, children: list[Children], keys: set[str]) -> None:
        self.tables.append(table)
        self.children += children
        self.keys |= keys
        self.size += table.nbytes

    @property
    def is_enough(self) -> bool:
        return len(self.children) >= _ENOUGH_ROWS or self.size >= _ENOUGH_BYTES

    def table(self) -> pa.Table:
        if len(self.tables) == 1:
            return self.tables[0]
        joined = pa.concat_tables(self.tables, promote_options="default")
        rows = pa.array(np.arange(joined.num_rows))
        return joined.set_column(joined.schema.get_field_index("_row"), "_row", rows)


def open_database(scratch: str, memory_limit: str = "512MB") -> duckdb.DuckDBPyConnection:
    """The run's in-memory database with the casts; spills to `scratch` past the limit.

    Arguments:
        scratch: a folder that is removed after the run.
        memory_limit: in DuckDB's words.
    """
    # A second thread makes statements over some thousand rows no faster, and costs more.
    database = duckdb.connect(":memory:", config={"threads": 1})
    database.execute("set TimeZone = 'UTC'")
    database.execute(f"set memory_limit = '{memory_limit}'")
    database.execute(f"set temp_directory = '{scratch}'")
    database.execute("set preserve_insertion_order = true")
    for kind in ("text", "bigint", "double", "boolean", "timestamp", "date"):
        database.execute(f"create macro as_{kind}(x) as {_CASTS[kind]}")
    return database


class Envelope:
    """Turns the batches of one run into raw rows.

    Arguments:
        database: from `open_database`, with the tables of `KnownRows`.
        resources: the source's.
        instance: the connection.
        now: the run's clock, naive UTC.
        secret: for the personal keys; stays in this object.
        redactor: takes erased people out of what comes; None where nobody was erased.
    """

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        resources: Sequence[Resource],
        *,
        instance: str,
        now: datetime,
        secret: str,
        redactor: Redactor | None = None,
    ) -> None:
        self._redactor = redactor
        self._database = database
        self._resources = {resource.name: resource for resource in resources}
        self._parents = {resource.parent for resource in resources if resource.parent}
        self._instance = instance
        self._now = now
        self._secret = secret.encode()
        self._waiting: dict[str, _Waiting] = {}
        self._events: dict[str, list[pa.Table]] = {}
        self.counts = Counts()
        for resource in resources:
            if resource.is_append_only:
                if resource.parent or resource.name in self._parents:
                    raise ValueError(
                        f"expected {resource.name} alone, since a stream's rows have no versions"
                    )
                database.execute(
                    f"create table if not exists {stream_table(resource.name)} (digest uhugeint)"
                )

    def __repr__(self) -> str:
        return f"Envelope({self._instance!r})"

    def rows(self, batch: Batch, load_id: str) -> Iterator[tuple[str, pa.Table]]:
        """Raw rows of a batch: (table, Arrow table) for what is new, its children, and its rejects."""
        yield from self.add(batch, load_id)
        yield from self.rest(load_id)

    def add(self, batch: Batch, load_id: str) -> Iterator[tuple[str, pa.Table]]:
        """The same, as soon as enough has come: a statement over ten pages costs little more than over one.

        `rest` tells what is left. Two versions of a key never wait together: each is compared with the one
        before.
        """
        resource = self._resources.get(batch.resource)
        if resource is None:
            raise MalformedResponse(
                f"a batch of one of {', '.join(sorted(self._resources))}",
                f"one of {batch.resource!r}",
                "correct the connector: its batches name its resources",
                source=self._instance,
            )
        self.counts.seen[resource.name] += len(batch.records)
        if isinstance(batch.records, pa.Table):
            yield from self._flushed(resource, load_id)
            if resource.is_append_only:
                yield from self._wait_for_more(resource, batch.records, load_id)
            else:
                incoming = self._from_arrow(resource, batch.records)
                yield from self._append(resource, incoming, load_id, children=None)
            return
        malformed = [record for record in batch.records if isinstance(record, Malformed)]
        records = [record for record in batch.records if isinstance(record, Record)]
        if malformed:
            yield from self._reject_malformed(resource, malformed, load_id)
        if not records:
            return
        keys = _keys(resource, records)
        waiting = self._waiting.get(resource.name)
        if waiting is not None and not waiting.keys.isdisjoint(keys):
            yield from self._flushed(resource, load_id)
        waiting = self._waiting.setdefault(resource.name, _Waiting())
        waiting.add(_from_records(resource, records), [record.children for record in records], keys)
        if waiting.is_enough:
            yield from self._flushed(resource, load_id)

    def rest(self, load_id: str) -> Iterator[tuple[str, pa.Table]]:
        """Raw rows of what was added and not told yet."""
        for name in list(self._waiting):
            yield from self._flushed(self._resources[name], load_id)
        for name in list(self._events):
            yield from self._flushed_events(self._resources[name], load_id)

    def _wait_for_more(
        self, resource: Resource, events: pa.Table, load_id: str
    ) -> Iterator[tuple[str, pa.Table]]:
        waiting = self._events.setdefault(resource.name, [])
        waiting.append(events)
        rows, size = sum(one.num_rows for one in waiting), sum(one.nbytes for one in waiting)
        if rows >= _ENOUGH_EVENTS or size >= _ENOUGH_BYTES_OF_EVENTS:
            yield from self._flushed_events(resource, load_id)

    def _flushed_events(self, resource: Resource, load_id: str) -> Iterator[tuple[str, pa.Table]]:
        waiting = self._events.pop(resource.name, None)
        if waiting:
            events = pa.concat_tables(waiting, promote_options="default")
            yield from self._append_to_stream(resource, self._from_arrow(resource, events), load_id)

    def _flushed(self, resource: Resource, load_id: str) -> Iterator[tuple[str, pa.Table]]:
        waiting = self._waiting.pop(resource.name, None)
        if waiting is None:
            return
        if resource.is_append_only:
            yield from self._append_to_stream(resource, waiting.table(), load_id)
        else:
            yield from self._append(resource, waiting.table(), load_id, children=waiting.children)

    def _append(
        self, resource: Resource, incoming: pa.Table, load_id: str, *, children: list[Children] | None
    ) -> Iterator[tuple[str, pa.Table]]:
        """Cast, reject, compare with what is known, and append what is new, with its children.

        Arguments:
            children: of each row of `incoming`, by resource; None where rows have none.
        """
        if not incoming.num_rows:
            return
        if self._redactor is not None:
            incoming = self._redactor.identified(resource, incoming)
        database = self._database
        yield from self._judge(resource, incoming, load_id, self._version_sql(resource))
        database.execute(f"create or replace temp table new_rows as {self._new_sql(resource)}")
        fresh = fetched(
            database,
            """select * exclude (_failures, _is_bare, _source_time)
                replace (coalesce(_source_updated_at, $now::timestamp) as _source_updated_at)
            from new_rows order by _row""",
            {"now": self._now},
        )
        if not fresh.num_rows:
            return
        # The version is that of what the vendor tells, not of what is left of it when somebody was erased: a
        # row that comes again is no new one.
        self._remember(resource)
        if fresh.num_rows < incoming.num_rows:
            incoming = incoming.take(fresh.column("_row"))
        yield resource.name, self._raw(resource, fresh, incoming, load_id)
        if children is not None and any(children):
            positions = fresh.column("_row").to_pylist()
            versions = fresh.column("_version_id").to_pylist()
            yield from self._children(resource, children, positions, versions, load_id)

    def _append_to_stream(
        self, resource: Resource, incoming: pa.Table, load_id: str
    ) -> Iterator[tuple[str, pa.Table]]:
        """The same for events: what is known of a key is only that it came."""
        if not incoming.num_rows:
            return
        if self._redactor is not None:
            incoming = self._redactor.identified(resource, incoming)
        database = self._database
        known = stream_table(resource.name)
        version = f"{_EVENT_VERSION} as _version_id, md5_number(_key) as digest"
        yield from self._judge(resource, incoming, load_id, version)
        # Few are refused or known, and fewer come twice: those are sought, not the others.
        dropped = database.execute(
            f"""select _row from judged where _failures <> ''
            union select _row from judged where digest in (select digest from {known})
            union select _row from judged where digest in
                (select digest from judged where _failures = '' group by digest having count(*) > 1)
                and _row not in (select min(_row) from judged where _failures = '' group by digest)"""
        ).fetchall()
        # Row by row beside what stayed where it lies.
        fresh = fetched(
            database,
            """select * exclude (digest, _failures, _is_bare, _source_time),
                coalesce(_source_time, $now::timestamp) as _source_updated_at
            from judged order by _row""",
            {"now": self._now},
        )
        if dropped:
            kept = np.delete(np.arange(incoming.num_rows), sorted(row for (row,) in dropped))
            database.register("kept", pa.table({"_row": kept}))
            database.execute(f"insert into {known} select digest from judged inner join kept using (_row)")
            database.unregister("kept")
            fresh, incoming = fresh.take(kept), incoming.take(kept)
        else:
            database.execute(f"insert into {known} select digest from judged")
        if fresh.num_rows:
            yield resource.name, self._raw(resource, fresh, incoming, load_id)

    def _judge(
        self, resource: Resource, incoming: pa.Table, load_id: str, version: str
    ) -> Iterator[tuple[str, pa.Table]]:
        """Make the table `judged` of what has to be worked out of each row; tells those that are refused.

        All else, whole objects above all, does not pass through the database: it stays where it lies.

        Arguments:
            version: SQL for the columns that tell versions apart.
        """
        database = self._database
        worked_out = ["_row", "_key", "_is_deleted", "_failures"]
        if resource.parent:
            worked_out.append("_parent_version_id")
        worked_out += [f'"{name}"' for name in _to_cast(resource, incoming.schema)]
        database.register("incoming", incoming)
        database.execute(
            f"""create or replace temp table judged as
            select {", ".join(worked_out)}, {version}, payload = '{{}}' as _is_bare,
                coalesce(_updated_at, {_updated_at(resource)}) as _source_time
            from ({self._cast_sql(resource, incoming.schema)})"""
        )
        refused = None
        if database.execute("select 1 from judged where _failures <> '' limit 1").fetchall():
            refused = fetched(
                database,
                """select nullif(judged._key, '') as _key, _failures as reason, payload
                from judged inner join incoming using (_row) where _failures <> '' order by _row""",
            )
        database.unregister("incoming")
        if refused is not None:
            yield from self._reject(resource, refused, load_id)

    def _raw(self, resource: Resource, fresh: pa.Table, incoming: pa.Table, load_id: str) -> pa.Table:
        """What was worked out of the rows that are appended, and beside it what stayed as it came."""
        for name in (*resource.columns, "payload"):
            if name not in fresh.column_names:
                fresh = fresh.append_column(name, incoming.column(name))
        fresh = fresh.append_column("_extracted_at", pa.repeat(pa.scalar(self._now), fresh.num_rows))
        self.counts.appended[resource.name] += fresh.num_rows
        self.counts.tombstones[resource.name] += pc.sum(fresh.column("_is_deleted")).as_py()
        if self._redactor is not None:
            fresh = self._redactor.redacted(self._instance, resource, fresh)
        return self._finished(resource, fresh, load_id)

    def _children(
        self,
        resource: Resource,
        children: list[Children],
        positions: list[int],
        versions: list[str],
        load_id: str,
    ) -> Iterator[tuple[str, pa.Table]]:
        """Lists flattened out of the records that were appended.

        A version that was loaded before (A, B, then A again) has its children in raw already, under the
        same parent version: they are not appended twice.
        """
        loaded = self._known_parent_versions(resource, versions)
        times = self._source_times(resource)
        flattened: dict[str, list[Record]] = {}
        parent_versions: dict[str, list[str]] = {}
        for position, version in zip(positions, versions, strict=True):
            for name, lists in children[position].items():
                child = self._resources[name]
                if not lists or (child.parent and version in loaded):
                    continue
                flattened.setdefault(name, []).extend(
                    Record(values=values, payload=values, updated_at=times[position]) for values in lists
                )
                parent_versions.setdefault(name, []).extend([version] * len(lists))
        for name, rows in flattened.items():
            child = self._resources[name]
            incoming = _from_records(child, rows)
            if child.parent:
                incoming = incoming.append_column(
                    "_parent_version_id", pa.array(parent_versions[name], pa.string())
                )
            yield from self._append(child, incoming, load_id, children=None)

    def _source_times(self, resource: Resource) -> dict[int, datetime]:
        found = self._database.execute("select _row, _source_updated_at from new_rows").fetchall()
        return dict(found)

    def _known_parent_versions(self, resource: Resource, versions: list[str]) -> set[str]:
        """Which of the versions, just appended, were in raw before; the others are known from now on."""
        if resource.name not in self._parents:
            return set()
        database = self._database
        database.register("appended", pa.table({"version": pa.array(versions, pa.string())}))
        found = database.execute(
            """select version from appended
            where version in (select version from known_parent where resource = ?)""",
            [resource.name],
        ).fetchall()
        database.execute("insert into known_parent select ?, version from appended", [resource.name])
        database.unregister("appended")
        return {row[0] for row in found}

    def _cast_sql(self, resource: Resource, schema: pa.Schema) -> str:
        """Typed values beside the list of columns that could not be read."""
        values: list[str] = []
        typed: list[str] = []
        failures: list[str] = []
        for name, kind in resource.columns.items():
            source = f'"{name}"'
            if _is_read(schema, name, kind):
                typed.append(source)
                continue
            given_type = schema.field(name).type
            is_text = pa.types.is_string(given_type) or pa.types.is_large_string(given_type)
            value = f"as_{kind}({source})" if is_text else f"try_cast({source} as {_SQL_TYPES[kind]})"
            read = f'"_read_{name}"'
            values.append(f"{value} as {read}")
            typed.append(f"{read} as {source}")
            given = f"nullif(trim({source}), '')" if is_text else source
            failures.append(
                f"case when {read} is null and {given} is not null then '{name}: expected a {kind}' end"
            )
        key_missing = [
            f'case when _given_key is null and "{name}" is null '
            f"then '{name}: expected a key, came nothing' end"
            for name in resource.key
            if name not in resource.optional_key
        ]
        key_text = [f"coalesce(cast(\"{name}\" as varchar), '')" for name in resource.key]
        parent = ", _parent_version_id" if "_parent_version_id" in schema.names else ""
        extra = ", _children" if "_children" in schema.names else ", null::varchar as _children"
        return f"""
            select
                _row,
                coalesce(_given_key, concat_ws(':', {", ".join(key_text)})) as _key,
                coalesce(_is_deleted, false) as _is_deleted,
                as_timestamp(_updated_at) as _updated_at,
                concat_ws('; ', {", ".join(failures + key_missing)}) as _failures,
                {", ".join(typed)},
                payload{parent}{extra}
            from (select *{"".join(f", {value}" for value in values)} from incoming)
        """

    def _version_sql(self, resource: Resource) -> str:
        """A digest of all that the vendor tells of a row."""
        content = [f'coalesce(cast("{name}" as varchar), chr(30))' for name in resource.columns]
        parts = ["_key", "cast(_is_deleted as varchar)", "payload", "coalesce(_children, '')", *content]
        if resource.parent:
            parts.append("_parent_version_id")
        return f"md5(concat({', chr(31), '.join(parts)})) as _version_id"

    def _new_sql(self, resource: Resource) -> str:
        """Rows whose version is not the key's last one; one per key, the newest."""
        partition = "_key, _parent_version_id" if resource.parent else "_key"
        judged = "select * from judged where _failures = ''"
        if self._has_doubles(partition):
            # A tombstone without a time of its own is the last word on its key.
            order = "coalesce(_source_time, case when _is_deleted then timestamp 'infinity' end)"
            judged += f"""
                qualify row_number() over (
                    partition by {partition} order by {order} desc nulls last, _row desc
                ) = 1
            """
        if resource.parent:
            return f"select *, _source_time as _source_updated_at from ({judged})"
        # It takes the last known time. One tombstone after another says nothing new.
        return f"""
            select versioned.*, coalesce(_source_time, case when _is_deleted then last.updated_at end)
                as _source_updated_at
            from ({judged}) as versioned
            left join (select * from known where resource = '{resource.name}') as last
                on last.key = versioned._key
            where last.key is null
                or (last.version is distinct from versioned._version_id
                    and not (versioned._is_deleted and versioned._is_bare and not last.is_alive))
        """

    def _has_doubles(self, partition: str) -> bool:
        """Whether a key comes more than once: sorting to find out takes longer than to ask."""
        found = self._database.execute(
            f"select 1 from judged where _failures = '' group by {partition} having count(*) > 1 limit 1"
        ).fetchall()
        return bool(found)

    def _remember(self, resource: Resource) -> None:
        if resource.parent:
            return
        self._database.execute(
            f"delete from known where resource = '{resource.name}' and key in (select _key from new_rows)"
        )
        self._database.execute(
            f"""insert into known select '{resource.name}', _key, _version_id,
            coalesce(_source_updated_at, $now::timestamp), not _is_deleted from new_rows""",
            {"now": self._now},
        )

    def _finished(self, resource: Resource, fresh: pa.Table, load_id: str) -> pa.Table:
        """Adds what does not come out of SQL: instance, load id and personal keys."""
        count = fresh.num_rows
        schema = arrow_schema(raw_columns(resource))
        arrays: list[pa.ChunkedArray | pa.Array] = []
        for column in schema:
            if column.name == "_instance":
                arrays.append(pa.repeat(pa.scalar(self._instance, pa.string()), count))
            elif column.name == "_dlt_load_id":
                arrays.append(pa.repeat(pa.scalar(load_id, pa.string()), count))
            elif column.name in fresh.column_names:
                arrays.append(fresh.column(column.name).cast(column.type))
            else:
                arrays.append(self._personal_keys(fresh.column(column.name.removesuffix("_key"))))
        return pa.Table.from_arrays(arrays, schema=schema)

    def _personal_keys(self, values: pa.ChunkedArray) -> pa.Array:
        """HMAC-SHA256 of each value, lower case and trimmed; null for nothing."""
        encoded = values.combine_chunks().dictionary_encode()
        keys = [person_key(value, self._secret) for value in encoded.dictionary.to_pylist()]
        return pa.array(keys, pa.string()).take(encoded.indices)

    def _reject_malformed(
        self, resource: Resource, malformed: list[Malformed], load_id: str
    ) -> Iterator[tuple[str, pa.Table]]:
        rows = pa.table(
            {
                "_key": pa.nulls(len(malformed), pa.string()),
                "reason": pa.array([row.reason for row in malformed], pa.string()),
                "payload": pa.array([_json(row.payload) for row in malformed], pa.string()),
            }
        )
        yield from self._reject(resource, rows, load_id)

    def _reject(self, resource: Resource, rows: pa.Table, load_id: str) -> Iterator[tuple[str, pa.Table]]:
        """Append rejected rows that were not rejected before."""
        if self._redactor is not None:
            rows = self._without_erased(self._redactor, resource, rows)
        database = self._database
        database.register("refused", rows)
        database.execute(
            f"""create or replace temp table new_refused as
            select distinct *, {rejected_digest("_key", "reason", "payload")} as digest from refused
            where digest not in (select digest from known_rejected where resource = ?)""",
            [resource.name],
        )
        database.execute("insert into known_rejected select ?, digest from new_refused", [resource.name])
        fresh = fetched(
            database,
            """select $instance::varchar as _instance, _key, reason, payload, $now::timestamp as
            _extracted_at,
            $load_id::varchar as _dlt_load_id from new_refused order by _key, reason, payload""",
            {"instance": self._instance, "now": self._now, "load_id": load_id},
        )
        database.unregister("refused")
        if fresh.num_rows:
            self.counts.rejected[resource.name] += fresh.num_rows
            yield rejected_table(resource.name), fresh

    def _without_erased(self, redactor: Redactor, resource: Resource, rows: pa.Table) -> pa.Table:
        told = rows.select(["_key", "reason", "payload"]).to_pylist()
        for row in told:
            row["_key"] = row["_key"] and redactor.text(row["_key"])
            row["payload"] = redactor.rejected_payload(self._instance, resource, row["payload"])
        return pa.Table.from_pylist(told, schema=pa.schema([(name, pa.string()) for name in told[0]]))

    def _from_arrow(self, resource: Resource, table: pa.Table) -> pa.Table:
        """A connector's own columnar batch, completed."""
        missing = [name for name in (*resource.columns, "payload") if name not in table.column_names]
        if missing:
            raise MalformedResponse(
                f"a table of {resource.name} with its typed columns and payload",
                f"one without {', '.join(missing)}",
                "correct the connector: a columnar batch has every column of its resource",
                source=self._instance,
            )
        count = table.num_rows
        columns = {name: table.column(name) for name in (*resource.columns, "payload")}
        deleted = (
            table.column("_is_deleted")
            if "_is_deleted" in table.column_names
            else pa.nulls(count, pa.bool_())
        )
        columns["_is_deleted"] = deleted
        columns["_updated_at"] = pa.nulls(count, pa.string())
        columns["_given_key"] = pa.nulls(count, pa.string())
        columns["_row"] = pa.array(np.arange(count))
        return pa.table(columns)


def _is_read(schema: pa.Schema, name: str, kind: ColumnType) -> bool:
    """Whether a column's values are of its type as they come: then there is nothing to cast."""
    given = schema.field(name).type
    return bool(given == ARROW_TYPES[kind] or (kind == "text" and pa.types.is_large_string(given)))


def _to_cast(resource: Resource, schema: pa.Schema) -> list[str]:
    return [name for name, kind in resource.columns.items() if not _is_read(schema, name, kind)]


def _updated_at(resource: Resource) -> str:
    """SQL for the source's own time of change, if it tells one."""
    if not resource.updated_at:
        return "cast(null as timestamp)"
    column = f'"{resource.updated_at}"'
    is_date = resource.columns[resource.updated_at] == "date"
    return f"cast({column} as timestamp)" if is_date else column


def person_key(value: str | None, secret: bytes) -> str | None:
    """HMAC-SHA256 in hex of a personal value, lower case and trimmed, so that one person has one key
    everywhere.
    """
    text = value.strip().lower() if value else ""
    return hmac.digest(secret, text.encode(), "sha256").hex() if text else None


def _keys(resource: Resource, records: Sequence[Record]) -> set[str]:
    """What tells two records of a page apart, before their values are cast."""
    if len(resource.key) == 1:
        (name,) = resource.key
        return {record.key or _text(record.values.get(name)) or "" for record in records}
    return {
        record.key or ":".join([_text(record.values.get(name)) or "" for name in resource.key])
        for record in records
    }


def _from_records(resource: Resource, records: Sequence[Record]) -> pa.Table:
    values = [record.values for record in records]
    columns: dict[str, pa.Array] = {
        name: _texts([found.get(name) for found in values]) for name in resource.columns
    }
    columns["payload"] = pa.array(
        ["{}" if record.payload is None else _json(record.payload) for record in records], pa.string()
    )
    columns["_is_deleted"] = pa.array([record.is_deleted for record in records], pa.bool_())
    columns["_updated_at"] = _texts([record.updated_at for record in records])
    columns["_given_key"] = pa.array([record.key for record in records], pa.string())
    columns["_row"] = pa.array(np.arange(len(records)))
    if any(record.children for record in records):
        columns["_children"] = pa.array([_json(record.children) for record in records], pa.string())
    return pa.table(columns)


def _texts(values: list[Any]) -> pa.Array:
    """Values as the texts that the casts read."""
    try:
        found = pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([_text(value) for value in values], pa.string())
    # NUL is legal in JSON and in DuckDB, and breaks other warehouses.
    return pc.replace_substring(found, "\0", "") if pc.any(pc.match_substring(found, "\0")).as_py() else found


def _text(value: Any) -> str | None:
    """A value as the text that the casts read."""
    if value is None or isinstance(value, str):
        return value.replace("\x00", "") if value and "\x00" in value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return _json(value)
    return str(value)


def _json(value: Any) -> str:
    return orjson.dumps(value, default=_json_default, option=_JSON_OPTIONS).decode()


def _json_default(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)
