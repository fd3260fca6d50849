"""Events: which hours to read, and archives of lines of JSON to columnar tables.

Belongs here: ranges of hours, the state, parsing. Does not belong here: requests (`client.py`).

The export selects by the hour of upload, not of the event: an hour that is complete never changes, so no hour
is read twice, and late events come with the hour in which they arrived.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from ingestion.errors import ConfigurationInvalid
from ingestion.lines import about_lines
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.amplitude.client import AmplitudeClient, TooLargeError
from ingestion.sources.amplitude.resources import EVENTS, USERS
from ingestion.sources.amplitude.settings import AmplitudeSettings

_FIRST_RANGE_HOURS = 24 * 31
_LONGEST_RANGE_HOURS = 24 * 180
_DEFAULT_HISTORY_DAYS = 730
_BATCH_ROWS = 50_000
# Each is a parsed object, not a row of columns.
_BATCH_USERS = 10_000
_LONGEST_LINE = 8 << 20
_HOUR = timedelta(hours=1)


def earliest_read(
    settings: AmplitudeSettings, state: dict[str, Any], backfill: tuple[date, date] | None
) -> datetime | None:
    """The earliest event time (naive UTC) whose key may be known already; None on a first load.

    Uploads of older events come once; should the vendor send one twice, staging keeps the first.
    """
    if backfill:
        return datetime.combine(backfill[0], datetime.min.time()) - timedelta(days=1)
    through = _through(state)
    return through.replace(tzinfo=None) - timedelta(days=settings.backfill_days) if through else None


class EventReader:
    """The event stream of one run."""

    def __init__(self, settings: AmplitudeSettings, context: RunContext, client: AmplitudeClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._database = duckdb.connect(":memory:")
        self._database.execute("set TimeZone = 'UTC'")
        self._database.execute("set memory_limit = '512MB'")
        self._database.execute(f"set temp_directory = '{context.scratch / 'events'}'")

    def close(self) -> None:
        """Let go of the memory."""
        self._database.close()

    def slices(self) -> Iterator[Slice]:
        """Ranges of hours, oldest first, each committed with the hour that it ends with."""
        first, last = self._hours()
        hours = _FIRST_RANGE_HOURS
        while first <= last:
            end = min(first + (hours - 1) * _HOUR, last)
            folder = self._context.scratch / f"events-{first:%Y%m%dT%H}-{end:%Y%m%dT%H}"
            try:
                files = self._files(first, end, folder)
            except TooLargeError:
                hours = max(1, (end - first) // _HOUR // 2)
                continue
            count = sum(about_lines(path) for path in files)
            if count or end == last:
                yield Slice(
                    name=f"events uploaded {first:%Y-%m-%d %H}h to {end:%Y-%m-%d %H}h",
                    batches=self._batches(files),
                    state=lambda end=end: self._committed(end),  # type: ignore[misc]
                    expected_rows=count,
                )
            shutil.rmtree(folder, ignore_errors=True)
            first = end + _HOUR
            hours = _next_hours(hours, count, self._settings.rows_per_request)

    def _hours(self) -> tuple[datetime, datetime]:
        now = self._context.now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        last = now - self._settings.settling_hours * _HOUR
        if self._context.backfill:
            begin, end = self._context.backfill
            late = end + timedelta(days=self._settings.backfill_days)
            return _midnight(begin), min(_midnight(late) + 23 * _HOUR, last)
        through = _through(self._context.state)
        if through is not None:
            return through + _HOUR, last
        if self._settings.start_on is None:
            return now - timedelta(days=_DEFAULT_HISTORY_DAYS), last
        try:
            return _midnight(date.fromisoformat(self._settings.start_on)), last
        except ValueError:
            raise ConfigurationInvalid(
                "start_on as YYYY-MM-DD",
                f"{self._settings.start_on!r}",
                "correct it",
                source=self._context.instance,
            ) from None

    def _files(self, first: datetime, end: datetime, folder: Path) -> list[Path]:
        """The lines of an export, a file per member of its archive."""
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / "export.zip"
        if not self._client.export(first, end, archive):
            return []
        files = []
        with zipfile.ZipFile(archive) as opened:
            for number, member in enumerate(sorted(opened.namelist())):
                if not member.endswith(".gz"):
                    continue
                path = folder / f"{number:06d}.jsonl"
                with opened.open(member) as packed, gzip.open(packed) as unpacked, path.open("wb") as lines:
                    shutil.copyfileobj(unpacked, lines)
                files.append(path)
        archive.unlink()
        return files

    def _committed(self, end: datetime) -> dict[str, Any]:
        if self._context.backfill:
            return self._context.state
        return {**self._context.state, "events": {"through": end.isoformat()}}

    def _batches(self, files: list[Path]) -> Iterator[Batch]:
        """Typed columns of the events, lines that are none, and what the events say of their users."""
        files = [path for path in files if path.stat().st_size]
        if not files:
            return
        query, parameters = self._query(files)
        self._database.execute(f"create or replace temp table lines as {query}", parameters)
        unread = self._database.execute("select payload from lines where not is_event").fetchall()
        if unread:
            reason = "expected an event with a uuid, a type and a time, as a line of JSON"
            yield Batch(EVENTS.name, [Malformed(reason, row[0]) for row in unread])
        columns = ", ".join(EVENTS.columns)
        events = self._database.sql(f"select {columns}, payload from lines where is_event")
        for record_batch in events.to_arrow_reader(_BATCH_ROWS):
            yield Batch(EVENTS.name, pa.Table.from_batches([record_batch]))
        if self._context.backfill is None:
            for users in self._users():
                yield Batch(USERS.name, users)
        self._database.execute("drop table lines")

    def _users(self) -> Iterator[list[Record | Malformed]]:
        """Each user's properties by the user's last event."""
        reader = self._database.sql(
            """
            select user_id, user_properties, account_external_id, occurred_at
            from lines
            where is_event and user_id is not null and coalesce(user_properties, '{}') <> '{}'
            qualify row_number() over (
                partition by user_id order by occurred_at desc, uploaded_at desc, uuid
            ) = 1
            order by user_id
            """
        ).to_arrow_reader(_BATCH_USERS)
        for found in reader:
            yield [self._user(**row) for row in found.to_pylist()]

    def _user(
        self, user_id: str, user_properties: str, account_external_id: str | None, occurred_at: datetime
    ) -> Record:
        said = orjson.loads(user_properties)
        return Record(
            {
                "user_id": user_id,
                "email": said.get(self._settings.email_property),
                "name": said.get(self._settings.name_property),
                "account_external_id": account_external_id,
            },
            {"user_properties": said},
            updated_at=occurred_at,
        )

    def _query(self, files: list[Path]) -> tuple[str, dict[str, Any]]:
        settings = self._settings
        structure = orjson.dumps(
            {
                "uuid": "VARCHAR",
                "event_type": "VARCHAR",
                "user_id": "VARCHAR",
                "amplitude_id": "VARCHAR",
                "device_id": "VARCHAR",
                "event_time": "VARCHAR",
                "server_upload_time": "VARCHAR",
                "event_properties": {settings.feature_property: "VARCHAR"},
                "user_properties": "JSON",
                "groups": {settings.group_type: "JSON"},
            }
        ).decode()
        parameters: dict[str, Any] = {
            "paths": [str(path) for path in files],
            "structure": structure,
            "group": settings.group_type,
            "feature": settings.feature_property,
        }
        is_asked = "true"
        if self._context.backfill:
            is_asked = "occurred_at is null or cast(occurred_at as date) between $first and $last"
            parameters["first"], parameters["last"] = self._context.backfill
        query = f"""
            with

            raw as (
                -- No control character stands unescaped in JSON, so the line is the only column.
                select line, try(json_transform(line, $structure)) as event
                from read_csv($paths, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                    delim = '\\x01', quote = '', escape = '', max_line_size = {_LONGEST_LINE})
                where regexp_matches(line, '\\S')
            ),

            typed as (
                select
                    line as payload,
                    event.uuid as uuid,
                    event.event_type as event_name,
                    event.user_id as user_id,
                    event.amplitude_id as amplitude_id,
                    event.device_id as device_id,
                    -- UTC without a mark of it
                    try_cast(event.event_time as timestamp) as occurred_at,
                    try_cast(event.server_upload_time as timestamp) as uploaded_at,
                    event.groups[$group] as account,
                    event.event_properties[$feature] as feature,
                    cast(event.user_properties as varchar) as user_properties
                from raw
            )

            select
                * exclude (account),
                case when json_type(account) = 'ARRAY' then account ->> '$[0]' else account ->> '$' end
                    as account_external_id,
                uuid is not null and event_name is not null and occurred_at is not null as is_event
            from typed
            where {is_asked}
        """
        return query, parameters


def _through(state: dict[str, Any]) -> datetime | None:
    through = (state.get("events") or {}).get("through")
    return datetime.fromisoformat(through) if through else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def _next_hours(hours: int, rows: int, wanted: int) -> int:
    """Twice as many hours while little comes back; fewer when much does."""
    if rows * 2 <= wanted:
        return min(_LONGEST_RANGE_HOURS, hours * 2)
    return max(1, min(_LONGEST_RANGE_HOURS, hours * wanted // rows))
