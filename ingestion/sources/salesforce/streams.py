"""What is read from Salesforce, in what order, and what the state remembers.

Belongs here: first loads, cursors, deletions, the full re-read. Does not belong here: the form of requests
(`client.py`)
and of records (`records.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ingestion.errors import ConfigurationInvalid
from ingestion.mapping import mapped
from ingestion.slicing import Checkpoint, Stream, cut, interleave
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.salesforce import records
from ingestion.sources.salesforce.client import (
    LONGEST_QUERY,
    LocatorDiedError,
    NoBulkError,
    NotFoundError,
    SalesforceClient,
)
from ingestion.sources.salesforce.resources import OBJECTS, PIPELINE_STAGES, SObject
from ingestion.sources.salesforce.settings import SalesforceSettings

_LOG = logging.getLogger(__name__)
_LOCATOR_TRIES = 3
_EVER = "1700-01-01T00:00:00.000Z"


class SalesforceReader:
    """One run of one connection."""

    def __init__(self, settings: SalesforceSettings, context: RunContext, client: SalesforceClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        # Read here, in the thread of the run; the streams have their own.
        self._known = {
            one.resource.name: context.known.keys(one.resource.name)
            for one in OBJECTS
            if not one.is_append_only
        }
        self._known_stages = context.known.keys(PIPELINE_STAGES.name)
        self._overlap = timedelta(minutes=settings.overlap_minutes)

    def slices(self) -> Iterator[Slice]:
        """The run's work; see README.md for the state."""
        return cut(self._stream(), self._context.state, rows=self._settings.rows_per_slice)

    def _stream(self) -> Stream:
        streams: list[Callable[[], Stream]] = [partial(self._object, kind) for kind in OBJECTS]
        streams.append(self._pipeline_stages)
        yield from interleave(streams, workers=self._settings.workers)

    def _object(self, kind: SObject) -> Stream:
        """An object from its first load or its cursor to now; now and then all of it."""
        name = kind.object_name(self._settings)
        if not name:
            return
        try:
            types = self._fields(kind, name)
        except NotFoundError:
            if not kind.is_optional:
                raise ConfigurationInvalid(
                    f"the org to have {name}, for this user to see",
                    "nothing of that name",
                    "give the integration user the right to read it (permission set)",
                    source=self._client.source,
                ) from None
            _LOG.warning(
                "%s: %s is left out: the org has none, or the integration user may not see it",
                self._client.source,
                name,
            )
            return
        state = dict(self._context.state.get(kind.resource.name, {}))
        if "cursor" in state and not self._is_reread_due(kind, state):
            yield from self._changed(kind, name, types, state)
        else:
            is_taken_up = "started" in state
            yield from self._everything(kind, name, types, state)
            if is_taken_up:
                # Its results are of the time when it began.
                yield from self._changed(kind, name, types, state)

    def _is_reread_due(self, kind: SObject, state: Mapping[str, Any]) -> bool:
        if "started" in state:
            return True
        # Half an hour of grace: a weekly schedule does not start to the second.
        every = timedelta(days=self._settings.reread_every_days) - timedelta(minutes=30)
        return not kind.is_append_only and self._context.now - _moment(state["read_at"]) >= every

    def _fields(self, kind: SObject, name: str) -> dict[str, str]:
        """Fields to ask for, those that have a column first."""
        readable = records.readable_fields(self._client.describe(name))
        relied_on = dict.fromkeys(
            [*(kind.field_of(column, self._settings) for column in kind.fields), "IsDeleted"]
        )
        absent = [field for field in relied_on if field and field not in readable and field != "IsDeleted"]
        if kind.cursor in absent or "Id" in absent:
            raise ConfigurationInvalid(
                f"{name} to have {kind.cursor}",
                "an object without it",
                "name another object in the settings",
                source=self._client.source,
            )
        if absent:
            _LOG.warning(
                "%s: %s has no %s, or the integration user may not read it: its column stays empty",
                self._client.source,
                name,
                ", ".join(absent),
            )
        chosen = [field for field in relied_on if field in readable]
        if self._settings.all_fields:
            chosen = list(dict.fromkeys([*chosen, *readable]))
        return {field: readable[field] for field in chosen}

    def _everything(
        self, kind: SObject, name: str, types: Mapping[str, str], state: dict[str, Any]
    ) -> Stream:
        """All records, by bulk where they are many; then tombstones for what did not come.

        The cursor afterwards is the time when the load began, also if it took several runs. What came
        before a kill is
        remembered as a place only, so that a load that was taken up finds no deletions: the next one does.
        """
        seen: set[str] | None = set() if "started" not in state else None
        state.setdefault("started", self._stamp(self._context.now))
        yield Checkpoint(kind.resource.name, dict(state))
        is_wide = len(_query(types, name, "", kind.cursor)) > LONGEST_QUERY
        many = is_wide or self._client.count(name, kind.where) >= self._settings.bulk_from_rows
        try:
            if not (kind.is_in_bulk and (many or "job" in state)):
                raise NoBulkError
            found = self._in_bulk(kind, name, types, state)
            yield from self._noted(kind, found, seen)
        except NoBulkError:
            state.pop("job", None)
            yield from self._noted(kind, self._by_cursor(kind, name, types, state, since=None), seen)
        if seen is not None and not kind.is_append_only:
            gone = sorted(self._known[kind.resource.name] - seen)
            column = kind.resource.key[0]
            yield Batch(kind.resource.name, [Record(values={column: key}, is_deleted=True) for key in gone])
        state["cursor"] = state["read_at"] = state.pop("started")
        state.pop("after", None)
        yield Checkpoint(kind.resource.name, dict(state))

    def _noted(self, kind: SObject, stream: Stream, seen: set[str] | None) -> Stream:
        column = kind.resource.key[0]
        for item in stream:
            if seen is not None and isinstance(item, Batch):
                seen.update(str(one.values[column]) for one in item.records if isinstance(one, Record))
            yield item

    def _in_bulk(self, kind: SObject, name: str, types: Mapping[str, str], state: dict[str, Any]) -> Stream:
        """A job's results, one batch each; a job that a killed run left is taken up where it stood."""
        for _ in range(_LOCATOR_TRIES):
            left = state.get("job")
            if left is None:
                where = f" WHERE {kind.where}" if kind.where else ""
                left = {"id": self._client.start_job(f"SELECT {', '.join(types)} FROM {name}{where}")}
                state["job"] = left
                yield Checkpoint(kind.resource.name, dict(state))
            try:
                self._client.finish_job(left["id"])
                for rows, following in self._client.results(left["id"], left.get("locator")):
                    yield Batch(kind.resource.name, self._mapped(rows, kind, types))
                    if following:
                        left = {**left, "locator": following}
                        state["job"] = left
                        yield Checkpoint(kind.resource.name, dict(state))
            except (LocatorDiedError, NotFoundError):
                state.pop("job", None)
                continue
            self._client.drop_job(left["id"])
            state.pop("job", None)
            return
        raise NoBulkError("its results vanished again and again")

    def _changed(self, kind: SObject, name: str, types: Mapping[str, str], state: dict[str, Any]) -> Stream:
        """What changed since the cursor, less an overlap: long transactions commit with earlier times."""
        since = self._stamp(_moment(state["cursor"]) - self._overlap)
        yield from self._by_cursor(kind, name, types, state, since=since)
        state.pop("after", None)
        state["cursor"] = self._stamp(self._context.now)
        yield Checkpoint(kind.resource.name, dict(state))

    def _by_cursor(
        self, kind: SObject, name: str, types: Mapping[str, str], state: dict[str, Any], *, since: str | None
    ) -> Stream:
        """Records in the order of their change, so that a run that broke off goes on where it stood."""
        tries = 0
        while True:
            after = state.get("after") or since
            conditions = [kind.where] if kind.where else []
            if after:
                conditions.append(f"{kind.cursor} >= {after}")
            query = _query(_fitting(types, name, kind.cursor), name, " AND ".join(conditions), kind.cursor)
            try:
                for page in self._client.pages(query):
                    if not page:
                        continue
                    found = self._mapped(page, kind, types)
                    yield Batch(kind.resource.name, found)
                    last = page[-1].get(kind.cursor) if isinstance(page[-1], Mapping) else None
                    if last:
                        state["after"] = records.spelled(last, "datetime")
                        yield Checkpoint(kind.resource.name, dict(state))
                return
            except LocatorDiedError:
                tries += 1
                if tries >= _LOCATOR_TRIES:
                    raise

    def _mapped(
        self, found: Iterable[Mapping[str, Any]], kind: SObject, types: Mapping[str, str]
    ) -> list[Record | Malformed]:
        return mapped(found, partial(records.record, kind=kind, types=types, settings=self._settings))

    def _pipeline_stages(self) -> Stream:
        """Which stages each record type's sales process has; every active one where the org does not tell."""
        try:
            types = [str(one["Id"]) for page in self._client.pages(_RECORD_TYPES) for one in page]
        except NotFoundError:
            types = []
        found: list[Record | Malformed] = []
        for record_type_id in types:
            try:
                stages: Sequence[Mapping[str, Any]] = self._client.stages_of(record_type_id)
            except NotFoundError:
                stages = [
                    {"value": one["ApiName"], "label": one["MasterLabel"]}
                    for page in self._client.pages(_STAGES)
                    for one in page
                ]
            found += [records.stage_of(record_type_id, place, one) for place, one in enumerate(stages)]
        seen = {
            f"{one.values['record_type_id']}:{one.values['api_name']}"
            for one in found
            if isinstance(one, Record)
        }
        gone = [
            Record(values=dict(zip(PIPELINE_STAGES.key, key.split(":", 1), strict=True)), is_deleted=True)
            for key in sorted(self._known_stages - seen)
        ]
        yield Batch(PIPELINE_STAGES.name, [*found, *gone])

    @staticmethod
    def _stamp(moment: datetime) -> str:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_RECORD_TYPES = "SELECT Id FROM RecordType WHERE SobjectType = 'Opportunity' AND IsActive = true ORDER BY Id"
_STAGES = "SELECT ApiName, MasterLabel FROM OpportunityStage WHERE IsActive = true ORDER BY SortOrder"


def _query(types: Iterable[str], name: str, where: str, cursor: str) -> str:
    condition = f" WHERE {where}" if where else ""
    return f"SELECT {', '.join(types)} FROM {name}{condition} ORDER BY {cursor}, Id"


def _fitting(types: Mapping[str, str], name: str, cursor: str) -> list[str]:
    """As many fields as a request may name, those that have a column first."""
    chosen: list[str] = []
    length = len(_query([], name, f"{cursor} >= {_EVER}", cursor)) + 200
    for field in types:
        length += len(field) + 2
        if length > LONGEST_QUERY:
            break
        chosen.append(field)
    return chosen


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
