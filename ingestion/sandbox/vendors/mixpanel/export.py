"""Mixpanel's raw export: the world's events as lines of JSON, written by DuckDB straight from the world's
files.

Belongs here: the query and the bytes of lines. Does not belong here: paths, limits, compression
(`__init__.py`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Delivery:
    """How events arrive, beyond what the world says.

    Arguments:
        late_every, late_seconds: every so many-th event (by id) is ingested that much later.
        repeat_every: every so many-th event is delivered twice.
    """

    late_every: int = 0
    late_seconds: float = 0.0
    repeat_every: int = 0


@dataclass(frozen=True)
class Window:
    """What an export asks for.

    Arguments:
        first, last: days in the project's zone, both inclusive.
        zone: None for a project whose times are UTC; else the project's zone: days are cut in it and `time`
            is its wall clock written as if it were UTC.
        insert_ids_from: events of earlier days have no `$insert_id`, as those of old imports.
    """

    first: date
    last: date
    now: datetime
    events: tuple[str, ...] = ()
    zone: str | None = None
    in_milliseconds: bool = False
    limit: int | None = None
    insert_ids_from: date | None = None


class EventLines:
    """Reads `events` and `duplicate_events` of a world."""

    def __init__(self, events: Path, duplicates: Path) -> None:
        self._events, self._duplicates = events, duplicates
        self._connection = duckdb.connect()
        self._connection.execute("set timezone = 'UTC'")
        self._lock = threading.Lock()

    def lines(self, window: Window, delivery: Delivery) -> Iterator[bytes]:
        """Chunks of whole lines."""
        with self._lock:
            cursor = self._connection.cursor()
        query, parameters = self._query(window, delivery)
        for batch in cursor.sql(query, params=parameters).to_arrow_reader(BATCH_ROWS):
            column = batch.column(0)
            if len(column):
                yield _joined(column)

    def _query(self, window: Window, delivery: Delivery) -> tuple[str, dict[str, object]]:
        local = "occurred_at"
        if window.zone is not None:
            if not re.fullmatch(r"[A-Za-z0-9_+\-/]+", window.zone):
                raise ValueError(f"expected the name of a time zone, got {window.zone!r}")
            local = f"timezone('{window.zone}', occurred_at at time zone 'UTC')"
        ingested = "visible_at"
        if delivery.late_every:
            delay = f"to_seconds({float(delivery.late_seconds)})"
            is_late = f"event_id % {delivery.late_every} = 0"
            ingested = f"case when {is_late} then visible_at + {delay} else visible_at end"
        arrivals = f"select *, {ingested} as ingested_at from read_parquet($events)"
        if self._duplicates.exists():
            arrivals += (
                " union all select e.*, d.visible_at as ingested_at from read_parquet($events) e"
                " join read_parquet($duplicates) d using (event_id)"
            )
        if delivery.repeat_every:
            arrivals += (
                " union all select *, visible_at + interval 1 minute as ingested_at"
                f" from read_parquet($events) where event_id % {delivery.repeat_every} = 0"
            )
        time = "epoch_ms" if window.in_milliseconds else "epoch_seconds"
        insert_id = "',\"$insert_id\":\"e' || event_id || '\"'"
        if window.insert_ids_from is not None:
            insert_id = f"case when local_at < $insert_ids_from then '' else {insert_id} end"
        parameters: dict[str, object] = {
            "events": str(self._events),
            "first": datetime.combine(window.first, datetime.min.time()),
            "last": datetime.combine(window.last, datetime.min.time()),
            "now": window.now,
        }
        if self._duplicates.exists():
            parameters["duplicates"] = str(self._duplicates)
        if window.insert_ids_from is not None:
            parameters["insert_ids_from"] = datetime.combine(window.insert_ids_from, datetime.min.time())
        named = ""
        if window.events:
            named = " and list_contains($names, name)"
            parameters["names"] = list(window.events)
        limit = f" limit {int(window.limit)}" if window.limit else ""
        # The bounds on occurred_at are a day wider than any zone: the file's statistics prune by them.
        query = f"""
            with arrivals as ({arrivals}),
            chosen as (
                select *, {local} as local_at
                from arrivals
                where occurred_at >= $first - interval 1 day and occurred_at < $last + interval 2 day
            ),
            timed as (
                select *, cast(floor(epoch(local_at)) as bigint) as epoch_seconds,
                    epoch_ms(local_at) as epoch_ms,
                    case when person_id is not null then 'u-' || person_id
                        when staff_id is not null then 's-' || staff_id end as user_id
                from chosen
                where local_at >= $first and local_at < $last + interval 1 day and ingested_at <= $now{named}
            )
            select '{{"event":' || to_json(name) || ',"properties":{{"time":' || {time}
                || ',"distinct_id":' || case when user_id is null then coalesce(to_json(device_id), '""')
                    else '"' || user_id || '"' end
                || {insert_id}
                || ',"mp_processing_time_ms":' || epoch_ms(ingested_at)
                || case when user_id is null then '' else ',"$user_id":"' || user_id || '"' end
                || case when device_id is null then '' else ',"$device_id":' || to_json(device_id) end
                || case when account_id is null then '' else ',"company_id":["' || account_id || '"]' end
                || case when feature is null then '' else ',"feature":' || to_json(feature) end
                || case when length(properties) > 2 then ',' || properties[2:-2] else '' end
                || '}}}}' || chr(10) as line
            from timed{limit}
        """
        return query, parameters


def _joined(lines: pa.StringArray) -> bytes:
    """The bytes of an array of lines, which lie one after the other already."""
    offsets_buffer, data = lines.buffers()[1:]
    wide = pa.types.is_large_string(lines.type)
    if not wide and not pa.types.is_string(lines.type):
        return "".join(lines.to_pylist()).encode()
    offsets = memoryview(offsets_buffer).cast("q" if wide else "i")
    return bytes(memoryview(data)[offsets[lines.offset] : offsets[lines.offset + len(lines)]])
