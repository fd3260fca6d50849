"""The world as of one moment, in plain Python values: what a vendor's system would hold in its database.

Belongs here: reading the world's tables, visibility (`visible_at <= now`) and the replay of changes.
Does not belong here: anything that one vendor says differently from another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.sandbox.world.schema import CHANGES, CREATED_AT, TABLES
from ingestion.sandbox.world.world import World

View = TypeVar("View")
Row = dict[str, Any]


@dataclass(slots=True)
class Change:
    """One field's change; `before` and `after` in the type of the entity's column, or text."""

    change_id: int
    field: str
    before: Any
    after: Any
    at: datetime
    visible_at: datetime
    by: int | None
    row: Row


@dataclass(slots=True)
class Entity:
    """A row of the world with its visible changes applied.

    Arguments:
        first: the row at creation.
        row: the row with every visible change applied.
        changes: the visible changes in the order of (`at`, `change_id`).
        written_at: when the vendor's system last wrote it: the latest `visible_at` of the row and its
            changes.
        changed_at: the latest time of change (or creation) that the row tells.
    """

    id: int
    first: Row
    row: Row
    changes: list[Change] = field(default_factory=list)
    created_at: datetime = datetime.min
    written_at: datetime = datetime.min
    changed_at: datetime = datetime.min
    is_deleted: bool = False
    deleted_at: datetime | None = None
    merged_into: int | None = None
    merged_at: datetime | None = None


def _caster(kind: pa.DataType) -> Callable[[str], Any]:
    if pa.types.is_integer(kind):
        return lambda text: int(float(text))
    if pa.types.is_floating(kind):
        return float
    if pa.types.is_boolean(kind):
        return lambda text: text.strip().lower() == "true"
    if pa.types.is_date(kind):
        return lambda text: date.fromisoformat(text[:10])
    if pa.types.is_timestamp(kind):
        return read_time
    return str


def read_time(text: str) -> datetime:
    """An ISO time as naive UTC."""
    stamp = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return stamp.replace(tzinfo=None) - (stamp.utcoffset() or timedelta())


class Ledger:
    """The world's rows, each table read once and ordered by `visible_at`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rows: dict[str, list[Row]] = {}
        self._schemas: dict[str, pa.Schema] = {}

    def _read(self, table: str) -> None:
        file = self.path_of(table)
        frame = pq.read_table(file) if file.exists() else TABLES[table].empty_table()
        self._schemas[table] = frame.schema
        served = [name for name in frame.column_names if not name.startswith("truth_")]
        rows = frame.select(served).to_pylist()
        rows.sort(key=lambda row: row["visible_at"])
        self._rows[table] = rows

    def path_of(self, table: str) -> Path:
        return self.world.path / "tables" / f"{table}.parquet"

    def rows(self, table: str) -> list[Row]:
        if table not in self._rows:
            self._read(table)
        return self._rows[table]

    def schema(self, table: str) -> pa.Schema:
        self.rows(table)
        return self._schemas[table]


@dataclass(frozen=True)
class Alteration:
    """What a scenario does to the world that is served: see `faults.py`.

    Arguments:
        delete_every: entities of the tables in `delete_tables` whose id divides by it are deleted at
            `deleted_at`.
        leaves_trace: whether the vendor still knows them, as deleted; else it is as if they had never been.
    """

    delete_every: int = 0
    delete_tables: tuple[str, ...] = ()
    deleted_at: datetime | None = None
    leaves_trace: bool = True


class Snapshot:
    """The world as of `now` (naive UTC): visible rows, and entities with their visible changes applied."""

    def __init__(self, ledger: Ledger, now: datetime, alteration: Alteration | None = None) -> None:
        self.ledger = ledger
        self.now = now
        self.alteration = alteration or Alteration()
        self._entities: dict[str, dict[int, Entity]] = {}
        self._views: dict[Any, Any] = {}

    @cached_property
    def meta(self) -> Any:
        return self.ledger.world.meta

    def rows(self, table: str) -> list[Row]:
        """Visible rows of a table that has no changes, oldest first."""
        rows = self.ledger.rows(table)
        if rows and rows[-1]["visible_at"] <= self.now:
            return rows
        return [row for row in rows if row["visible_at"] <= self.now]

    def entities(self, table: str) -> dict[int, Entity]:
        """Visible entities by id, in the order of their ids."""
        if table not in self._entities:
            self._entities[table] = self._replay(table)
        return self._entities[table]

    def view(self, build: Callable[[Snapshot], View]) -> View:
        """What `build` makes of this snapshot, made once."""
        if build not in self._views:
            self._views[build] = build(self)
        return self._views[build]

    def lagged(self, seconds: float) -> Snapshot:
        """The snapshot that an index lagging by `seconds` still shows."""
        if not seconds:
            return self
        key = ("lag", seconds)
        if key not in self._views:
            self._views[key] = Snapshot(self.ledger, self.now - timedelta(seconds=seconds), self.alteration)
        return self._views[key]

    def _replay(self, table: str) -> dict[int, Entity]:
        schema = self.ledger.schema(table)
        key = schema.names[0]
        born = CREATED_AT.get(table, "created_at" if "created_at" in schema.names else "visible_at")
        rows = sorted(self.rows(table), key=lambda row: row[key])
        entities = {
            row[key]: Entity(
                id=row[key],
                first=row,
                row=row,
                created_at=row[born],
                changed_at=row[born],
                written_at=max(row[born], row["visible_at"]),
            )
            for row in rows
        }
        changes_table = CHANGES.get(table)
        if changes_table:
            self._apply(entities, key, schema, self.rows(changes_table))
        if self.alteration.delete_every and table in self.alteration.delete_tables:
            self._delete(entities)
        return entities

    def _apply(
        self, entities: Mapping[int, Entity], key: str, schema: pa.Schema, rows: Iterable[Row]
    ) -> None:
        casters = {name: _caster(schema.field(name).type) for name in schema.names}
        for row in sorted(rows, key=lambda row: (row["changed_at"], row["change_id"])):
            entity = entities.get(row[key])
            if entity is None:
                continue
            name = row["field"]
            cast = casters.get(name, str)
            before = None if row["from_value"] is None else cast(row["from_value"])
            after = None if row["to_value"] is None else cast(row["to_value"])
            at = row["changed_at"]
            entity.changes.append(
                Change(
                    row["change_id"],
                    name,
                    before,
                    after,
                    at,
                    row["visible_at"],
                    row["changed_by_staff_id"],
                    row,
                )
            )
            if entity.row is entity.first:
                entity.row = dict(entity.first)
            entity.row[name] = after
            entity.changed_at = max(entity.changed_at, at)
            entity.written_at = max(entity.written_at, at, row["visible_at"])
            if name == "deleted":
                entity.is_deleted = after == "true"
                entity.deleted_at = at if entity.is_deleted else None
            elif name == "merged_into":
                entity.merged_into = int(after) if after else None
                entity.merged_at = at if after else None

    def _delete(self, entities: dict[int, Entity]) -> None:
        at = self.alteration.deleted_at or self.now
        for entity in list(entities.values()):
            if entity.id % self.alteration.delete_every or entity.is_deleted or entity.created_at > at:
                continue
            if not self.alteration.leaves_trace:
                del entities[entity.id]
                continue
            entity.is_deleted, entity.deleted_at = True, at
            entity.changed_at = max(entity.changed_at, at)
            entity.written_at = max(entity.written_at, at)

    def survivor(self, table: str, entity_id: int | None) -> int | None:
        """The id that an id stands for now, merges followed."""
        entities = self.entities(table)
        seen: set[int] = set()
        while entity_id is not None and entity_id in entities and entity_id not in seen:
            seen.add(entity_id)
            target = entities[entity_id].merged_into
            if target is None:
                break
            entity_id = target
        return entity_id
