"""Events by arrival, and the persons.

Belongs here: queries, cursors, records. Does not belong here: requests (`client.py`).

Events are read in the order of their arrival, page by page from the last row of the page before. An event
that arrived a little before others that were read first is found by the overlap; those known already are
dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from ingestion.errors import ConfigurationInvalid
from ingestion.slicing import Checkpoint, Stream, cut
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.posthog.client import PosthogClient
from ingestion.sources.posthog.resources import EVENTS, PERSONS
from ingestion.sources.posthog.settings import PosthogSettings

COLUMNS = ("uuid", "event", "timestamp", "distinct_id", "properties", "created_at")
_DEFAULT_HISTORY_DAYS = 730
_GRACE = timedelta(minutes=5)


def earliest_read(
    settings: PosthogSettings, state: dict[str, Any], backfill: tuple[date, date] | None
) -> datetime | None:
    """The earliest event time (naive UTC) whose key may be known already; None on a first load.

    An event's time may lie long before its arrival; should one of those come twice, staging keeps the first.
    """
    if backfill:
        return datetime.combine(backfill[0], datetime.min.time()) - timedelta(days=1)
    cursor = _cursor(state)
    if cursor is None:
        return None
    overlap = timedelta(days=7, minutes=settings.arrival_overlap_minutes)
    return cursor.replace(tzinfo=None) - overlap


class PosthogReader:
    """One run of one connection."""

    def __init__(self, settings: PosthogSettings, context: RunContext, client: PosthogClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client

    def slices(self) -> Iterator[Slice]:
        """Events, then the persons when they are due."""
        return cut(self._stream(), self._context.state, rows=2 * self._settings.rows_per_request)

    def _stream(self) -> Stream:
        yield from self._events()
        if self._context.backfill is None and self._are_persons_due():
            yield from self._persons()

    def _events(self) -> Stream:
        backfill = self._context.backfill
        if backfill:
            first, last = (_moment(datetime.combine(day, datetime.min.time(), UTC)) for day in backfill)
            scope = f"timestamp >= {first} and timestamp < {last} + interval 1 day"
            since = datetime(1970, 1, 1, tzinfo=UTC)
        else:
            scope = ""
            since = self._since()
        after = ""
        while True:
            # From a moment on, and then from the last row on: rows of one moment are told apart by their id.
            reached = _moment(since)
            clause = f"created_at >= {reached}"
            if after:
                clause = f"(created_at > {reached} or (created_at = {reached} and uuid > '{after}'))"
            where = " and ".join(part for part in (scope, clause) if part)
            rows = self._client.query(
                f"select {', '.join(COLUMNS)} from events where {where} "
                f"order by created_at, uuid limit {self._settings.rows_per_request}"
            )
            if rows:
                yield Batch(EVENTS.name, [self._event(row) for row in rows])
                since, after = _instant(rows[-1][5]), str(rows[-1][0])
            if not backfill and rows:
                yield Checkpoint("events", {"arrived_at": since.isoformat()})
            if len(rows) < self._settings.rows_per_request:
                return

    def _since(self) -> datetime:
        cursor = _cursor(self._context.state)
        if cursor is not None:
            return cursor - timedelta(minutes=self._settings.arrival_overlap_minutes)
        if self._settings.start_on is None:
            return self._context.now - timedelta(days=_DEFAULT_HISTORY_DAYS)
        try:
            day = date.fromisoformat(self._settings.start_on)
        except ValueError:
            raise ConfigurationInvalid(
                "start_on as YYYY-MM-DD",
                f"{self._settings.start_on!r}",
                "correct it",
                source=self._context.instance,
            ) from None
        return datetime.combine(day, datetime.min.time(), UTC)

    def _event(self, row: list[Any]) -> Record | Malformed:
        said = dict(zip(COLUMNS, row, strict=True))
        properties = said["properties"]
        if isinstance(properties, str):
            try:
                properties = orjson.loads(properties)
            except orjson.JSONDecodeError:
                return Malformed("expected properties as JSON", said)
        if not said["uuid"] or not said["event"] or not isinstance(properties, dict):
            return Malformed("expected an event with uuid, name and properties", said)
        groups = properties.get("$groups")
        return Record(
            {
                "uuid": said["uuid"],
                "event_name": said["event"],
                "distinct_id": said["distinct_id"],
                "occurred_at": said["timestamp"],
                "arrived_at": said["created_at"],
                "account_external_id": groups.get(self._settings.account_group)
                if isinstance(groups, dict)
                else None,
                "feature": properties.get(self._settings.feature_property),
            },
            {**said, "properties": properties},
        )

    def _are_persons_due(self) -> bool:
        read_at = (self._context.state.get("persons") or {}).get("read_at")
        if read_at is None:
            return True
        due = timedelta(hours=self._settings.person_refresh_hours) - _GRACE
        return self._context.now - datetime.fromisoformat(read_at) >= due

    def _persons(self) -> Stream:
        """The whole list; ids that are known and not in it are gone."""
        seen: set[str] = set()
        for page in self._client.persons():
            records: list[Record | Malformed] = []
            for person in page:
                records += self._ids_of(person)
            seen |= {str(one.values["distinct_id"]) for one in records if isinstance(one, Record)}
            yield Batch(PERSONS.name, records)
        gone = sorted(self._context.known.keys(PERSONS.name) - seen)
        if gone:
            yield Batch(PERSONS.name, [Record({"distinct_id": one}, is_deleted=True) for one in gone])
        yield Checkpoint("persons", {"read_at": self._context.now.isoformat()})

    def _ids_of(self, person: Any) -> list[Record | Malformed]:
        properties = person.get("properties") if isinstance(person, dict) else None
        if not isinstance(properties, dict) or not isinstance(person.get("distinct_ids"), list):
            return [Malformed("expected a person with distinct_ids and properties", person)]
        return [
            Record(
                {
                    "distinct_id": distinct_id,
                    "person_id": person.get("uuid") or person.get("id"),
                    "email": properties.get(self._settings.email_property),
                    "name": properties.get(self._settings.name_property),
                    "account_external_id": properties.get(self._settings.account_group),
                },
                {"id": person.get("id"), "uuid": person.get("uuid"), "properties": properties},
            )
            for distinct_id in person["distinct_ids"]
        ]


def _cursor(state: dict[str, Any]) -> datetime | None:
    arrived = (state.get("events") or {}).get("arrived_at")
    return datetime.fromisoformat(arrived) if arrived else None


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(moment: datetime) -> str:
    """A time of HogQL, in UTC to the microsecond."""
    utc = moment.astimezone(UTC)
    return f"toDateTime64('{utc:%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"
