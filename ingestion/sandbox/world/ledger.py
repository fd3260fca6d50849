"""Collects the rows and changes of a world while it is made, and writes them as Parquet.

Belongs here: bookkeeping that keeps the schema's rules (change ids, one change of a field per second, nothing
after the world's end). Does not belong here: what the rows say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.sandbox.world.schema import CHANGES, TABLES, key_of
from ingestion.sandbox.world.setting import text_of

SECOND = timedelta(seconds=1)


class Ledger:
    """The rows of all tables, small tables as dictionaries, large ones as frames."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.frames: dict[str, pd.DataFrame] = {}
        self._change_seconds: set[tuple[str, int, str, datetime]] = set()

    def add(self, table: str, **values: Any) -> dict[str, Any]:
        """Add one row and return it; it may still be changed until the world is written."""
        self.rows[table].append(values)
        return values

    def change(
        self,
        table: str,
        entity_id: int,
        field: str,
        before: Any,
        after: Any,
        at: datetime,
        by: int | None = None,
        **more: Any,
    ) -> datetime:
        """Record that a field of an entity of `table` changed; returns when it did.

        Two changes of one field never share a second: the later one moves on by a second.
        """
        at = at.replace(microsecond=0)
        while (table, entity_id, field, at) in self._change_seconds:
            at += SECOND
        self._change_seconds.add((table, entity_id, field, at))
        self.rows[CHANGES[table]].append(
            {
                key_of(table): entity_id,
                "field": field,
                "from_value": text_of(before),
                "to_value": text_of(after),
                "changed_at": at,
                "changed_by_staff_id": by,
                "visible_at": at,
                **more,
            }
        )
        return at

    def write(self, folder: Path, ends_at: datetime) -> dict[str, int]:
        """Write every table to `folder`, without what would become visible after `ends_at`; returns row
        counts."""
        folder.mkdir(parents=True, exist_ok=True)
        counts = {}
        for name in TABLES:
            table = self._table(name, ends_at)
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
            counts[name] = table.num_rows
        return counts

    def _table(self, name: str, ends_at: datetime) -> pa.Table:
        schema = TABLES[name]
        if name in self.frames:
            frame = self.frames[name]
            table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
            return table.filter(pc.less_equal(table["visible_at"], pa.scalar(ends_at, pa.timestamp("us"))))
        rows = [row for row in self.rows[name] if row["visible_at"] <= ends_at]
        if name in CHANGES.values():
            rows.sort(key=lambda row: (row["changed_at"], row[schema.names[1]], row["field"]))
            for number, row in enumerate(rows, start=1):
                row["change_id"] = number
        return pa.Table.from_pylist(rows, schema=schema)
