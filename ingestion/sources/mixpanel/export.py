"""Events: which days to read, and lines of JSON to a columnar table.

Belongs here: ranges of days, the state of the event stream, parsing. Does not belong here: requests
(`client.py`).

The export filters on event time, and events arrive late: every run reads the last days again and keeps what
arrived since (`mp_processing_time_ms`). Days that were never read are kept whole. An identity merge
changes the `distinct_id` of old events in later exports; as they have not arrived anew, they are not taken
twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.errors import ConfigurationInvalid, MalformedResponse
from ingestion.lines import about_lines, last_line
from ingestion.source import Batch, Malformed, RunContext, Slice
from ingestion.sources.mixpanel.client import MixpanelClient
from ingestion.sources.mixpanel.resources import EVENTS
from ingestion.sources.mixpanel.settings import MixpanelSettings

_FIRST_RANGE_DAYS = 31
_LONGEST_RANGE_DAYS = 186
_DEFAULT_HISTORY_DAYS = 730
_BATCH_ROWS = 100_000
_LONGEST_LINE = 8 << 20


@dataclass
class EventState:
    """How far the events are read.

    Arguments:
        through: last day that was read, in the project's dates; None before the first slice.
        newest_arrival_ms: the latest arrival among the events read, true UTC.
    """

    through: date | None = None
    newest_arrival_ms: int = 0

    @classmethod
    def of(cls, state: dict[str, Any]) -> EventState:
        """From the connector's state."""
        events = state.get("events") or {}
        through = events.get("through")
        return cls(
            date.fromisoformat(through) if through else None, int(events.get("newest_arrival_ms") or 0)
        )

    def as_json(self) -> dict[str, Any]:
        """For the connector's state."""
        return {
            "through": self.through.isoformat() if self.through else None,
            "newest_arrival_ms": self.newest_arrival_ms,
        }


def earliest_read(
    settings: MixpanelSettings, state: dict[str, Any], backfill: tuple[date, date] | None
) -> datetime | None:
    """The earliest event time (naive UTC) that a run with this state can meet again; None on a first load."""
    if backfill:
        first = backfill[0]
    else:
        through = EventState.of(state).through
        if through is None:
            return None
        first = through - timedelta(days=settings.attribution_days)
    # A day more than any zone is away from UTC.
    return datetime.combine(first, datetime.min.time()) - timedelta(days=1)


class EventReader:
    """The event stream of one run."""

    def __init__(self, settings: MixpanelSettings, context: RunContext, client: MixpanelClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._zone = ZoneInfo(settings.project_time_zone)
        self._state = EventState.of(context.state)
        self._database = duckdb.connect(":memory:")
        self._database.execute("set TimeZone = 'UTC'")
        self._database.execute("set memory_limit = '256MB'")
        self._database.execute(f"set temp_directory = '{context.scratch / 'events'}'")

    def close(self) -> None:
        """Let go of the memory."""
        self._database.close()

    def slices(self, others: dict[str, Any]) -> Iterator[Slice]:
        """Ranges of days, oldest first, each committed with the day that it ends with.

        Arguments:
            others: the rest of the connector's state, kept as it is.
        """
        first, last = self._days()
        days = _FIRST_RANGE_DAYS
        while first <= last:
            end = min(first + timedelta(days=days - 1), last)
            path = self._context.scratch / f"events-{first}-{end}.jsonl"
            try:
                self._client.export(first.isoformat(), end.isoformat(), path, _why_incomplete)
            except MalformedResponse:
                # A stream that keeps breaking off may be too long.
                if end == first:
                    raise
                days = max(1, (end - first).days // 2)
                continue
            count = about_lines(path)
            if count or end == last:
                yield Slice(
                    name=f"events {first} to {end}",
                    batches=self._batches(path),
                    state=lambda end=end: self._committed(end, others),  # type: ignore[misc]
                    expected_rows=count,
                )
            path.unlink(missing_ok=True)
            first = end + timedelta(days=1)
            days = _next_days(days, count, self._settings.rows_per_request)

    def _days(self) -> tuple[date, date]:
        today = self._context.now.astimezone(self._zone).date()
        if self._context.backfill:
            return self._context.backfill[0], min(self._context.backfill[1], today)
        if self._state.through is not None:
            return self._state.through - timedelta(days=self._settings.attribution_days), today
        if self._settings.start_on is None:
            return today - timedelta(days=_DEFAULT_HISTORY_DAYS), today
        try:
            return date.fromisoformat(self._settings.start_on), today
        except ValueError:
            raise ConfigurationInvalid(
                "start_on as YYYY-MM-DD",
                f"{self._settings.start_on!r}",
                "correct it",
                source=self._context.instance,
            ) from None

    def _committed(self, end: date, others: dict[str, Any]) -> dict[str, Any]:
        if self._state.through is None or end > self._state.through:
            self._state.through = end
        return {**others, "events": self._state.as_json()}

    def _batches(self, path: Path) -> Iterator[Batch]:
        """Typed columns of the lines that are new; lines that are no events are told apart."""
        if path.stat().st_size == 0:
            return
        newest = self._state.newest_arrival_ms
        query, parameters = self._query(path)
        # Read as it is asked for: the lines lie in the file and nowhere else.
        lines = self._database.sql(query, params=parameters).to_arrow_reader(_BATCH_ROWS)
        now_ms = int(self._context.now.timestamp() * 1000)
        for some in lines:
            found = pa.Table.from_batches([some])
            is_event = found.column("is_event")
            if not pc.all(is_event).as_py():
                unread = found.column("payload").filter(pc.invert(is_event)).to_pylist()
                reason = "expected an event with a name and a time, as a line of JSON"
                yield Batch(EVENTS.name, [Malformed(reason, line) for line in unread])
                found = found.filter(is_event)
            arrived = found.column("processed_ms")
            newest = max(newest, pc.max(arrived.filter(pc.less_equal(arrived, now_ms))).as_py() or 0)
            yield Batch(EVENTS.name, found.select([*EVENTS.columns, "payload"]))
        self._state.newest_arrival_ms = newest

    def _query(self, path: Path) -> tuple[str, dict[str, Any]]:
        settings = self._settings
        occurred = "make_timestamp(time_us)"
        if settings.project_time_zone != "UTC":
            # An old project's `time` is its wall clock written as if it were UTC.
            occurred = "cast(timezone($zone, make_timestamp(time_us)) as timestamp)"
        structure = orjson.dumps(
            {
                "event": "VARCHAR",
                "properties": {
                    "time": "DOUBLE",
                    "distinct_id": "VARCHAR",
                    "$insert_id": "VARCHAR",
                    "$user_id": "VARCHAR",
                    "$device_id": "VARCHAR",
                    "mp_processing_time_ms": "BIGINT",
                    settings.account_property: "JSON",
                    settings.feature_property: "VARCHAR",
                },
            }
        ).decode()
        is_new = "true"
        parameters: dict[str, Any] = {
            "path": str(path),
            "structure": structure,
            "account": settings.account_property,
            "feature": settings.feature_property,
        }
        if settings.project_time_zone != "UTC":
            parameters["zone"] = settings.project_time_zone
        if self._state.through is not None and not self._context.backfill:
            is_new = "(day > $through or processed_ms is null or processed_ms > $arrived)"
            parameters["through"] = self._state.through
            parameters["arrived"] = self._state.newest_arrival_ms - settings.arrival_overlap_minutes * 60_000
        query = f"""
            with

            raw as (
                -- No control character stands unescaped in JSON, so the line is the only column.
                select line, try(json_transform(line, $structure)) as event
                from read_csv($path, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                    delim = '\\x01', quote = '', escape = '', max_line_size = {_LONGEST_LINE},
                    buffer_size = {2 * _LONGEST_LINE})
                where regexp_matches(line, '\\S')
            ),

            typed as (
                select
                    line,
                    event.event as event_name,
                    event.properties.distinct_id as distinct_id,
                    event.properties['$insert_id'] as given_insert_id,
                    event.properties['$user_id'] as user_id,
                    event.properties['$device_id'] as device_id,
                    event.properties.mp_processing_time_ms as processed_ms,
                    -- Seconds or milliseconds: the latter have had more than eleven digits since 1973.
                    cast(event.properties.time * case when event.properties.time > 99999999999 then 1000
                        else 1000000 end as bigint) as time_us,
                    event.properties[$account] as account,
                    event.properties[$feature] as feature
                from raw
            ),

            dated as (
                select *, {occurred} as occurred_at, cast(make_timestamp(time_us) as date) as day from typed
            )

            select
                line as payload,
                event_name is not null and time_us is not null as is_event,
                coalesce(
                    given_insert_id,
                    md5(concat_ws('|', event_name, distinct_id, time_us,
                        regexp_replace(line, '"mp_processing_time_ms":\\s*[0-9]+,?', '')))
                ) as insert_id,
                event_name,
                distinct_id,
                user_id,
                device_id,
                occurred_at,
                make_timestamp(processed_ms * 1000) as processed_at,
                case when json_type(account) = 'ARRAY' then account ->> '$[0]' else account ->> '$' end
                    as account_external_id,
                feature,
                processed_ms
            from dated
            where {is_new} or event_name is null or time_us is null
        """
        return query, parameters


def _next_days(days: int, rows: int, wanted: int) -> int:
    """Twice as many days while little comes back; fewer when much does. Keeps the hour's queries for what
    matters.
    """
    if rows * 2 <= wanted:
        return min(_LONGEST_RANGE_DAYS, days * 2)
    return max(1, min(_LONGEST_RANGE_DAYS, days * wanted // rows))


def _why_incomplete(path: Path) -> str | None:
    """A cut connection ends the body in the middle of a line, without any other sign."""
    if path.stat().st_size == 0:
        return None
    try:
        orjson.loads(last_line(path, _LONGEST_LINE))
    except orjson.JSONDecodeError:
        return "its last line is no JSON"
    return None


def utc_of(text: str | None, zone: ZoneInfo) -> str | None:
    """A profile's local time without offset, as UTC; what cannot be read is left for the cast to refuse."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC).isoformat()
