"""Reads a world: its tables, what of them is visible by a moment, and the state of entities at a moment.

Belongs here: loading and state replay. Does not belong here: anything about a vendor's wire format, or how
worlds are generated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.sandbox.world.schema import (
    CHANGE_ONLY_FIELDS,
    CHANGES,
    CREATED_AT,
    SCHEMA_VERSION,
    TABLES,
    key_of,
)


class WorldError(ValueError):
    """A folder that is not a world, or not one that this version can read."""


@dataclass(frozen=True)
class WorldMeta:
    """`world.json`. Times are aware UTC."""

    schema_version: int
    seed: int
    as_of: datetime
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    reporting_currency: str
    own_domain: str
    person_key_secret: str


def naive_utc(moment: datetime) -> datetime:
    """The moment as naive UTC; a naive one is taken to be UTC already."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _read_meta(path: Path) -> WorldMeta:
    file = path / "world.json"
    if not file.exists():
        raise WorldError(
            f"expected a world folder with world.json at {path}, found none: "
            "make one with `norte sandbox generate`"
        )
    raw: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if raw.get("schema_version") != SCHEMA_VERSION:
        raise WorldError(
            f"{file}: expected schema_version {SCHEMA_VERSION}, found {raw.get('schema_version')}: "
            "generate the world again with this version"
        )
    for name in ("as_of", "starts_at", "ends_at"):
        raw[name] = datetime.fromisoformat(raw[name]).astimezone(UTC)
    missing = [name for name in WorldMeta.__dataclass_fields__ if name not in raw]
    if missing:
        raise WorldError(
            f"{file}: {', '.join(missing)} missing: see the world's README for what world.json holds"
        )
    return WorldMeta(**{name: raw[name] for name in WorldMeta.__dataclass_fields__})


class World:
    """One world on disk; tables are read when first asked for and kept."""

    def __init__(self, path: Path, meta: WorldMeta) -> None:
        self.path = path
        self.meta = meta
        self._tables: dict[str, pd.DataFrame] = {}

    @classmethod
    def load(cls, path: Path | str) -> World:
        """Open the world in the folder `path`. Raises WorldError when it is none."""
        return cls(Path(path), _read_meta(Path(path)))

    @cached_property
    def truth(self) -> dict[str, Any]:
        """The planted effects and non-effects (`truth.json`); for tests, never served."""
        file = self.path / "truth.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def table(self, name: str) -> pd.DataFrame:
        """All rows of a table, visible or not. Ids that may be null are `Int64`, dates are `datetime.date`.

        A table without a file is empty. The frame is shared: copy it before changing it.
        """
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    def visible(self, name: str, now: datetime) -> pd.DataFrame:
        """The rows of a table that a vendor can show by `now`, as they were at creation."""
        rows = self.table(name)
        return rows[rows["visible_at"] <= pd.Timestamp(naive_utc(now))]

    def changes(self, name: str, now: datetime) -> pd.DataFrame:
        """The changes of the entities of table `name` that are visible by `now`, in the order they apply."""
        key = key_of(name)
        rows = self.visible(CHANGES[name], now)
        return rows.sort_values([key, "changed_at", "change_id"], kind="stable")

    def state(self, name: str, at: datetime, now: datetime | None = None) -> pd.DataFrame:
        """The entities of a table as they stood at `at`, by what is visible by `now` (default: `at`).

        One row per entity that existed by `at`: its columns with the changes up to `at` applied, the fields
        that exist only in changes (a deal's `closed_at`, an issue's `key`), and `is_deleted`, `deleted_at`,
        `merged_into` (the direct survivor, which may itself be merged; a merged one is not also deleted) and
        `updated_at` (last change, else creation).
        """
        if now is None:
            now = at
        until = pd.Timestamp(naive_utc(at))
        key = key_of(name)
        rows = self.visible(name, now)
        rows = rows[rows[CREATED_AT[name]] <= until].copy()
        only_changed = CHANGE_ONLY_FIELDS.get(name, {})
        kinds = {field.name: field.type for field in TABLES[name]}
        for field, kind in only_changed.items():
            kinds[field] = pa.timestamp("us") if kind == "time" else pa.string()
            rows[field] = self._initial(name, field, rows)
        rows["is_deleted"] = False
        rows["deleted_at"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
        rows["merged_into"] = pd.Series(pd.NA, index=rows.index, dtype="Int64")
        rows["updated_at"] = rows[CREATED_AT[name]]
        if name not in CHANGES:
            return rows.reset_index(drop=True)

        changes = self.changes(name, now)
        changes = changes[(changes["changed_at"] <= until) & changes[key].isin(rows[key])]
        last_change = changes.groupby(key)["changed_at"].max()
        # Not by Series.map, which turns a mapping without entries into numbers.
        changed_at = pd.Series(last_change.reindex(rows[key]).to_numpy(), index=rows.index)
        rows["updated_at"] = changed_at.where(changed_at.notna(), rows["updated_at"]).astype("datetime64[us]")
        for group, of_field in changes.groupby("field", sort=True):
            field = str(group)
            last = of_field.drop_duplicates(key, keep="last").set_index(key)
            touched = rows[key].isin(last.index)
            values = rows.loc[touched, key].map(last["to_value"])
            if field == "deleted":
                gone = (values == "true").astype(bool)
                rows.loc[touched, "is_deleted"] = gone
                when = rows.loc[touched, key].map(last["changed_at"])
                rows.loc[touched, "deleted_at"] = when.where(gone)
            elif field == "merged_into":
                rows.loc[touched, "merged_into"] = pd.to_numeric(values).astype("Int64")
            else:
                column = rows[field].copy()
                cast = _cast(values, kinds[field])
                if kinds[field] == pa.int64():
                    column = column.astype("Int64")
                column.loc[touched] = cast
                rows[field] = column
                if pa.types.is_int64(kinds[field]) and not TABLES[name].field(field).nullable:
                    rows[field] = rows[field].astype("int64")
        return rows.reset_index(drop=True)

    def _initial(self, name: str, field: str, rows: pd.DataFrame) -> pd.Series:
        if name == "issues" and field == "key":
            keys = self.table("projects").set_index("project_id")["key"]
            return rows["project_id"].map(keys).astype("str") + "-" + rows["number"].astype("str")
        if CHANGE_ONLY_FIELDS[name][field] == "time":
            return pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
        return pd.Series(None, index=rows.index, dtype="str")

    def _read(self, name: str) -> pd.DataFrame:
        if name not in TABLES:
            raise WorldError(f"expected one of the world's tables, got {name!r}: {', '.join(TABLES)}")
        schema = TABLES[name]
        file = self.path / "tables" / f"{name}.parquet"
        table = pq.read_table(file) if file.exists() else schema.empty_table()
        missing = [column for column in schema.names if column not in table.column_names]
        if missing:
            raise WorldError(
                f"{file}: columns {', '.join(missing)} missing: see the world's README for the schema"
            )
        try:
            table = table.select(schema.names).cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise WorldError(f"{file}: does not have the types of the world's README: {error}") from error
        frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        required = {f.name: "int64" for f in schema if pa.types.is_int64(f.type) and not f.nullable}
        return frame.astype(required)


def _cast(values: pd.Series, kind: pa.DataType) -> pd.Series:
    """Texts of a change's `to_value` as the type of the field."""
    if pa.types.is_int64(kind):
        return pd.to_numeric(values).astype("Int64")
    if pa.types.is_float64(kind):
        return pd.to_numeric(values).astype("float64")
    if pa.types.is_boolean(kind):
        return values == "true"
    if pa.types.is_timestamp(kind):
        moments = pd.to_datetime(values, utc=True, format="ISO8601")
        return moments.dt.tz_localize(None).astype("datetime64[us]")
    if pa.types.is_date32(kind):
        return pd.to_datetime(values, format="ISO8601").dt.date
    return values
