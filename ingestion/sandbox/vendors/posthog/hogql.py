"""A small part of HogQL over the world's events: selecting columns of `events` by time and id, page by page.

Belongs here: which queries are understood, and running them. Does not belong here: requests (`__init__.py`).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

COLUMNS = ("uuid", "event", "timestamp", "distinct_id", "person_id", "properties", "created_at")
DEFAULT_ROWS = 100
MOST_ROWS = 50_000
_QUERY = re.compile(
    r"select (?P<columns>.+?) from events(?: where (?P<where>.+?))?"
    r"(?: order by (?P<order>.+?))?(?: limit (?P<limit>\d+))?",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(
    r"\s+|toDateTime(?:64)?\('(?P<time>[-0-9:. T]+)'(?:, ?\d)?(?:, ?'UTC')?\)|'[\w:.-]*'|>=|<=|!=|[<>=(),+]"
    r"|interval \d+ (?:day|hour|minute)|\b(?:and|or|not|asc|desc|like)\b"
    rf"|\b(?:{'|'.join(COLUMNS)})\b",
    re.IGNORECASE,
)


class HogqlError(ValueError):
    """A query outside of what is understood."""


@dataclass(frozen=True)
class Delivery:
    """How events arrive, beyond what the world says; as in the other vendors of events."""

    late_every: int = 0
    late_seconds: float = 0.0
    repeat_every: int = 0


class EventTable:
    """The world's events as PostHog's table."""

    def __init__(self, events: Path, duplicates: Path, people: dict[str, str]) -> None:
        """`people`: the person of each distinct id."""
        self._events, self._duplicates, self._people = events, duplicates, people
        self._lock = threading.Lock()

    def run(self, query: str, now: datetime, delivery: Delivery) -> tuple[list[str], list[list[Any]]]:
        """Columns and rows of a query. Raises HogqlError."""
        match = _QUERY.fullmatch(" ".join(query.split()).rstrip(";"))
        if match is None:
            raise HogqlError("expected select ... from events [where ...] [order by ...] [limit ...]")
        columns = [name.strip() for name in match["columns"].split(",")]
        if unknown := [name for name in columns if name not in COLUMNS]:
            raise HogqlError(f"Unable to resolve field: {unknown[0]}")
        limit = min(int(match["limit"] or DEFAULT_ROWS), MOST_ROWS)
        where = _as_sql(match["where"]) if match["where"] else "true"
        order = f"order by {_as_sql(match['order'])}" if match["order"] else ""
        with self._lock, duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            found = connection.execute(
                f"with events as ({self._table(delivery)}) "
                f"select {', '.join(columns)} from events where ({where}) {order} limit {limit}",
                {"events": str(self._events), "now": now}
                | ({"duplicates": str(self._duplicates)} if self._duplicates.exists() else {}),
            ).fetchall()
        return columns, [
            [self._shown(name, value) for name, value in zip(columns, row, strict=True)] for row in found
        ]

    def _shown(self, column: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return f"{value.isoformat(timespec='microseconds')}Z"
        return self._people.get(value, value) if column == "person_id" else value

    def _table(self, delivery: Delivery) -> str:
        arrived = "visible_at"
        if delivery.late_every:
            delay = f"to_seconds({float(delivery.late_seconds)})"
            is_late = f"event_id % {delivery.late_every} = 0"
            arrived = f"case when {is_late} then visible_at + {delay} else visible_at end"
        arrivals = f"select *, {arrived} as arrived_at from read_parquet($events)"
        if self._duplicates.exists():
            arrivals += (
                " union all select e.*, d.visible_at as arrived_at from read_parquet($events) e"
                " join read_parquet($duplicates) d using (event_id)"
            )
        if delivery.repeat_every:
            arrivals += (
                " union all select *, visible_at + interval 1 minute as arrived_at"
                f" from read_parquet($events) where event_id % {delivery.repeat_every} = 0"
            )
        return f"""
            select
                cast(cast(md5('posthog ' || event_id) as uuid) as varchar) as uuid,
                name as event,
                occurred_at as timestamp,
                case when person_id is not null then 'u-' || person_id
                    when staff_id is not null then 's-' || staff_id else device_id end as distinct_id,
                case when person_id is not null then 'u-' || person_id
                    when staff_id is not null then 's-' || staff_id end as person_id,
                '{{"$lib":"web"'
                    || case when feature is null then '' else ',"feature":' || to_json(feature) end
                    || case when account_id is null then ''
                        else ',"$groups":{{"company":"' || account_id || '"}}' end
                    || case when length(properties) > 2 then ',' || properties[2:-2] else '' end
                    || '}}' as properties,
                arrived_at as created_at
            from ({arrivals})
            where arrived_at <= $now
        """


def _as_sql(clause: str) -> str:
    """A clause in DuckDB's words; everything that is not understood is refused."""
    parts: list[str] = []
    position = 0
    while position < len(clause):
        token = _TOKEN.match(clause, position)
        if token is None:
            raise HogqlError(f"Syntax error at {clause[position : position + 20]!r}")
        parts.append(f"timestamp '{token['time']}'" if token["time"] else token.group())
        position = token.end()
    return "".join(parts)
