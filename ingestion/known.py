"""What the warehouse already holds of one connection: the last version of each key, and the state.

Belongs here: reading completed loads before an extraction begins, and keeping the picture up to date while
slices pass. Does not belong here: writing to the warehouse.

A load is complete when dlt's `_dlt_loads` lists it with status 0. Rows of any other load do not exist for us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.source import Resource, Source
from ingestion.tables import STATE_TABLE, dataset_name, rejected_table
from ingestion.warehouse import Session

_KNOWN_SCHEMA = pa.schema(
    [
        ("resource", pa.string()),
        ("key", pa.string()),
        ("version", pa.string()),
        ("updated_at", pa.timestamp("us")),
        ("is_alive", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Snapshot:
    """One connection as its completed loads left it.

    Arguments:
        state: the connector's state after the last committed slice; empty on a first load.
        sequence: number of that state.
        state_at: the run clock of the load that wrote it, naive UTC; None on a first load.
        versions: resource, key, version, updated_at, is_alive: the last version of each key.
        parent_versions: resource, version: every version of the resources that have children.
        rejected: resource, digest: rows that were rejected before.
    """

    state: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0
    state_at: datetime | None = None
    versions: pa.Table = field(default_factory=_KNOWN_SCHEMA.empty_table)
    parent_versions: pa.Table = field(
        default_factory=pa.schema([("resource", pa.string()), ("version", pa.string())]).empty_table
    )
    rejected: pa.Table = field(
        default_factory=pa.schema([("resource", pa.string()), ("digest", pa.string())]).empty_table
    )


@dataclass(frozen=True)
class ToldState:
    """The connector's state after its last completed load, its number and the clock of that run."""

    state: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0
    state_at: datetime | None = None


def read_state(session: Session, source: Source, instance: str, found: Mapping[str, set[str]]) -> ToldState:
    """What the last completed load said last.

    Arguments:
        found: the tables of the source's dataset with their columns.
    """
    dataset = dataset_name(source)
    if not {STATE_TABLE, "_dlt_loads"} <= found.keys():
        return ToldState()
    told = session.rows(
        f"""
        select state, sequence, _extracted_at from {dataset}.{STATE_TABLE}
        where _instance = $instance
            and _dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0)
        order by sequence desc limit 1
        """,
        {"instance": instance},
    )
    return ToldState(json.loads(told[0][0]), told[0][1], told[0][2]) if told else ToldState()


def read_snapshot(
    session: Session,
    source: Source,
    instance: str,
    told: ToldState,
    found: Mapping[str, set[str]],
    since: Mapping[str, datetime] | None = None,
) -> Snapshot:
    """Everything that a run must know of its connection.

    Arguments:
        told: from `read_state`.
        found: the tables of the source's dataset with their columns.
        since: for append-only resources, the earliest `updated_at` (naive UTC) that the run will read
            again; older keys cannot come back and are left out.
    """
    if told.sequence == 0:
        return Snapshot()
    dataset = dataset_name(source)
    present = found.keys()
    completed = f"select load_id from {dataset}._dlt_loads where status = 0"
    rows = f"_instance = $instance and _dlt_load_id in ({completed})"
    versions: list[str] = []
    parents: list[str] = []
    rejected: list[str] = []
    have_children = {resource.parent for resource in source.resources if resource.parent}
    for resource in source.resources:
        table = f"{dataset}.{resource.name}"
        if resource.name in present and not resource.parent:
            versions.append(_last_versions(session, resource, table, rows, (since or {}).get(resource.name)))
        if resource.name in present and resource.name in have_children:
            parents.append(f"select distinct '{resource.name}', _version_id from {table} where {rows}")
        if rejected_table(resource.name) in present:
            digest = rejected_digest("_key", "reason", "payload")
            parts = (
                f"select distinct '{resource.name}', {digest} from {dataset}.{rejected_table(resource.name)}"
            )
            rejected.append(f"{parts} where {rows}")
    empty = Snapshot()

    def fetch(queries: list[str], schema: pa.Schema) -> pa.Table:
        if not queries:
            return schema.empty_table()
        table = session.arrow(" union all ".join(queries), {"instance": instance})
        return table.rename_columns(schema.names).cast(schema)

    return Snapshot(
        state=told.state,
        sequence=told.sequence,
        state_at=told.state_at,
        versions=fetch(versions, empty.versions.schema),
        parent_versions=fetch(parents, empty.parent_versions.schema),
        rejected=fetch(rejected, empty.rejected.schema),
    )


def rejected_digest(key: str, reason: str, payload: str) -> str:
    """SQL that identifies a rejected row, so that reading it again does not count it again."""
    return f"md5(concat(coalesce({key}, ''), chr(31), {reason}, chr(31), {payload}))"


def _last_versions(
    session: Session, resource: Resource, table: str, rows: str, since: datetime | None
) -> str:
    if resource.is_append_only:
        limit = ""
        if since is not None:
            limit = f" and _source_updated_at >= timestamp '{since.isoformat(sep=' ')}'"
        known = f"'{resource.name}', _key, null::varchar, null::timestamp, true"
        return f"select {known} from {table} where {rows}{limit}"
    # The order of staging: what it takes for the present state is what a new version must differ from.
    latest = session.latest_rows(
        table, rows, "_key", ["_version_id", "_source_updated_at", "not _is_deleted"]
    )
    return f"select '{resource.name}', latest_rows.* from ({latest}) as latest_rows"


def stream_table(resource: str) -> str:
    """Where the run's in-memory database keeps the keys of an event stream: 16 bytes for each."""
    return f"known_keys_of_{resource}"


class KnownRows:
    """The snapshot as tables of the run's in-memory database; see `ingestion.source.Known`."""

    def __init__(self, database: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
        self._database = database
        for name, table in (
            ("told", snapshot.versions),
            ("known_parent", snapshot.parent_versions),
            ("known_rejected", snapshot.rejected),
        ):
            database.register("snapshot_rows", table)
            database.execute(f"create table {name} as select * from snapshot_rows")
            database.unregister("snapshot_rows")
        # Of a stream's rows the key is all that is ever compared.
        for (stream,) in database.execute(
            "select distinct resource from told where version is null"
        ).fetchall():
            database.execute(
                f"create table {stream_table(stream)} as select md5_number(key) as digest from told"
                " where resource = ?",
                [stream],
            )
        database.execute("create table known as select * from told where version is not null")
        database.execute("drop table told")

    def keys(self, resource: str, prefix: str | None = None) -> set[str]:
        """Keys whose latest version is alive; with `prefix`, only those that start with it."""
        found = self._database.cursor().execute(
            "select key from known where resource = $resource and is_alive and starts_with(key, $prefix)",
            {"resource": resource, "prefix": prefix or ""},
        )
        return {row[0] for row in found.fetchall()}
