"""The world's events as lines of Amplitude's export.

Belongs here: which events lie in the asked hours, and how each is written. Does not belong here: archives and
requests (`__init__.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import duckdb
import orjson

from ingestion.sandbox import credentials

BATCH_ROWS = 20_000
_UUIDS = UUID("6f1a1f2e-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class Delivery:
    """How events arrive, beyond what the world says.

    Arguments:
        late_every, late_seconds: every so many-th event (by id) is uploaded that much later.
        repeat_every: every so many-th event is delivered twice.
    """

    late_every: int = 0
    late_seconds: float = 0.0
    repeat_every: int = 0


@dataclass(frozen=True)
class Window:
    """The asked hours of upload, both inclusive, and the time of asking; naive UTC."""

    first: datetime
    last: datetime
    now: datetime


class EventLines:
    """Reads `events` and `duplicate_events` of a world."""

    def __init__(self, events: Path, duplicates: Path) -> None:
        self._events, self._duplicates = events, duplicates
        self._connection = duckdb.connect()
        self._connection.execute("set timezone = 'UTC'")
        self._lock = threading.Lock()

    def lines(
        self, window: Window, delivery: Delivery, people: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[tuple[datetime, bytes]]:
        """Upload time and line of each event, in the order of upload.

        Arguments:
            people: user properties by user id.
        """
        with self._lock:
            cursor = self._connection.cursor()
        cursor.execute(*self._query(window, delivery))
        while rows := cursor.fetchmany(BATCH_ROWS):
            for row in rows:
                yield row[-1], _line(row, people)

    def _query(self, window: Window, delivery: Delivery) -> tuple[str, dict[str, object]]:
        uploaded = "visible_at"
        if delivery.late_every:
            delay = f"to_seconds({float(delivery.late_seconds)})"
            is_late = f"event_id % {delivery.late_every} = 0"
            uploaded = f"case when {is_late} then visible_at + {delay} else visible_at end"
        arrivals = f"select *, {uploaded} as uploaded_at from read_parquet($events)"
        parameters: dict[str, object] = {
            "events": str(self._events),
            "first": window.first,
            "last": window.last + timedelta(hours=1),
            "now": window.now,
        }
        if self._duplicates.exists():
            arrivals += (
                " union all select e.*, d.visible_at as uploaded_at from read_parquet($events) e"
                " join read_parquet($duplicates) d using (event_id)"
            )
            parameters["duplicates"] = str(self._duplicates)
        if delivery.repeat_every:
            arrivals += (
                " union all select *, visible_at + interval 1 minute as uploaded_at"
                f" from read_parquet($events) where event_id % {delivery.repeat_every} = 0"
            )
        query = f"""
            with arrivals as ({arrivals})
            select
                event_id, name, feature, account_id, device_id, properties, occurred_at,
                case when person_id is not null then 'u-' || person_id
                    when staff_id is not null then 's-' || staff_id end as user_id,
                uploaded_at
            from arrivals
            where uploaded_at >= $first and uploaded_at < $last and uploaded_at <= $now
            order by uploaded_at, event_id
        """
        return query, parameters


def _line(row: tuple[Any, ...], people: Mapping[str, Mapping[str, Any]]) -> bytes:
    event_id, name, feature, account_id, device_id, properties, occurred_at, user_id, uploaded_at = row
    said = orjson.loads(properties) if properties else {}
    if feature is not None:
        said["feature"] = feature
    happened, arrived = _moment(occurred_at), _moment(uploaded_at)
    line = {
        "$insert_id": f"e{event_id}",
        "uuid": str(uuid5(_UUIDS, str(event_id))),
        "event_id": event_id,
        "event_type": name,
        "user_id": user_id,
        "device_id": device_id,
        "amplitude_id": 1_000_000_000 + _number(user_id, device_id),
        "session_id": int(occurred_at.timestamp() * 1000),
        "app": int(credentials.AMPLITUDE_PROJECT_ID),
        "event_time": happened,
        "client_event_time": happened,
        "client_upload_time": arrived,
        "server_received_time": arrived,
        "server_upload_time": arrived,
        "processed_time": arrived,
        "event_properties": said,
        "user_properties": dict(people.get(user_id or "", {})),
        "groups": {} if account_id is None else {"company": [str(account_id)]},
        "group_properties": {},
        "data": {},
        "platform": "Web",
        "version_name": None,
        "paying": None,
    }
    return orjson.dumps(line) + b"\n"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def _number(user_id: str | None, device_id: str | None) -> int:
    return uuid5(_UUIDS, user_id or device_id or "").int % 1_000_000_000
