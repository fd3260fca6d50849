"""What is read from HubSpot, in what order, and what the state remembers.

Belongs here: first loads, cursors, deletions, merges, associations. Does not belong here: the form of
requests (`client.py`) and of records (`records.py`).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from ingestion.errors import Unauthorized
from ingestion.mapping import mapped
from ingestion.slicing import Checkpoint, Stream, cut, interleave
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.hubspot import records
from ingestion.sources.hubspot.client import HubSpotClient
from ingestion.sources.hubspot.resources import OBJECT_TYPES, ObjectType
from ingestion.sources.hubspot.settings import HubSpotSettings
from ingestion.sweeping import is_believable, is_due

_LOG = logging.getLogger(__name__)
_GROUP = 1000


class HubSpotReader:
    """One run of one connection."""

    def __init__(self, settings: HubSpotSettings, context: RunContext, client: HubSpotClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._now_ms = round(context.now.timestamp() * 1000)
        self._overlap_ms = round(settings.overlap_minutes * 60_000)
        # Read here, in the thread of the run; the streams have their own.
        self._known = {kind.name: context.known.keys(kind.name) for kind in OBJECT_TYPES}
        self._known |= {name: context.known.keys(name) for name in ("owners", "pipelines")}
        self._ends = _Ends(context.known.keys("associations"))
        # Of each type: what this run has told to be gone already.
        self._told_gone: dict[str, set[str]] = {kind.name: set() for kind in OBJECT_TYPES}

    def slices(self) -> Iterator[Slice]:
        """The run's work; see README.md for the state."""
        return cut(self._stream(), self._context.state, rows=self._settings.rows_per_slice)

    def _stream(self) -> Stream:
        streams: list[Callable[[], Stream]] = [partial(self._objects, kind) for kind in OBJECT_TYPES]
        streams.append(self._reference)
        yield from interleave(streams, workers=self._settings.workers)
        yield from self._all_associations()

    def _reference(self) -> Stream:
        """Small lists without a cursor, read whole."""
        owners = [
            *mapped(self._client.owners(is_archived=False), records.owner),
            *mapped(self._client.owners(is_archived=True), records.owner),
        ]
        yield Batch("owners", [*owners, *self._gone("owners", "owner_id", owners)])
        pipelines = mapped(self._client.pipelines("deals"), records.pipeline)
        yield Batch("pipelines", [*pipelines, *self._gone("pipelines", "pipeline_id", pipelines)])

    def _gone(self, resource: str, column: str, listed: Iterable[Record | Malformed]) -> list[Record]:
        seen = {one.values[column] for one in listed if isinstance(one, Record)}
        return [Record(values={column: key}, is_deleted=True) for key in sorted(self._known[resource] - seen)]

    def _objects(self, kind: ObjectType) -> Stream:
        """A type from its first load or its cursor to now, then what was archived or just vanished."""
        state = dict(self._context.state.get(kind.name, {}))
        try:
            properties = self._properties(kind)
            if "cursor_ms" in state:
                yield from self._changed(kind, properties, state)
            else:
                yield from self._first_load(kind, properties, state)
            yield from self._archived(kind, properties, state)
            yield from self._vanished(kind, state)
        except Unauthorized as error:
            if not kind.is_optional:
                raise
            _LOG.warning(
                "%s: %s are left out, the token may not read them (%s). Give it the scope "
                "crm.objects.%s.read if the account's plan has them",
                self._client.source,
                kind.name,
                error.came,
                kind.name,
            )

    def _properties(self, kind: ObjectType) -> list[str]:
        relied_on = [self._settings.property_name(column) for column in kind.property_columns]
        if not self._settings.all_properties:
            return relied_on
        every = [name for name in self._client.properties(kind.name) if records.is_kept(name)]
        return list(dict.fromkeys([*relied_on, *every]))

    def _history_names(self, kind: ObjectType) -> list[str]:
        return [self._settings.property_name(column) for column in kind.history]

    def _first_load(self, kind: ObjectType, properties: Sequence[str], state: dict[str, Any]) -> Stream:
        """All live objects from the list: consistent, and without search's cap of 10,000.

        The cursor afterwards is the time when the load began, also if it took several runs.
        """
        state.setdefault("started_ms", self._now_ms)
        yield Checkpoint(kind.name, dict(state))
        pages = self._client.objects(
            kind.name,
            properties=properties,
            history=self._history_names(kind),
            after=state.get("after"),
        )
        group: list[dict[str, Any]] = []
        for page, after in pages:
            group += page
            if len(group) >= _GROUP or after is None:
                yield from self._emit(kind, group)
                group = []
                if after is not None:
                    state["after"] = after
                    yield Checkpoint(kind.name, dict(state))
        state["cursor_ms"] = state.pop("started_ms")
        state.pop("after", None)
        yield Checkpoint(kind.name, dict(state))

    def _changed(self, kind: ObjectType, properties: Sequence[str], state: dict[str, Any]) -> Stream:
        """Objects changed since the cursor: a window that a killed run left half read, then the one up to
        now.
        """
        left = state.get("window")
        windows = [left] if left else []
        from_ms = left["to_ms"] if left else state["cursor_ms"]
        windows.append({"from_ms": from_ms - self._overlap_ms, "to_ms": max(from_ms, self._now_ms)})
        for window in windows:
            state["window"] = dict(window)
            ids: list[str] = []
            pages = self._client.changed_ids(
                kind.name,
                kind.cursor,
                from_ms=window["from_ms"],
                to_ms=window["to_ms"],
                after_id=window.get("after_id"),
            )
            for page in pages:
                ids += page
                if len(ids) >= _GROUP:
                    yield from self._reread(kind, ids, properties)
                    state["window"]["after_id"] = ids[-1]
                    yield Checkpoint(kind.name, {**state, "window": dict(state["window"])})
                    ids = []
            yield from self._reread(kind, ids, properties)
            state["cursor_ms"] = window["to_ms"]
            del state["window"]
            yield Checkpoint(kind.name, dict(state))

    def _reread(self, kind: ObjectType, ids: Sequence[str], properties: Sequence[str]) -> Stream:
        """Whole objects for ids that search found: search tells neither history nor associations."""
        if not ids:
            return
        found = self._client.read(kind.name, ids, properties=properties, history=self._history_names(kind))
        yield from self._emit(kind, found)
        for other in kind.shown_by:
            ends = self._client.associations(kind.name, other, ids)
            yield Batch(
                "associations",
                [
                    records.association(other, other_id, kind.name, own_id, types)
                    for own_id, others in ends.items()
                    for other_id, types in others.items()
                ],
            )

    def _emit(self, kind: ObjectType, objects: Sequence[dict[str, Any]]) -> Stream:
        """Records of live objects, of what was merged into them, of their history and associations."""
        if not objects:
            return
        to_record = partial(records.crm_object, kind=kind, settings=self._settings)
        found = mapped(objects, to_record)
        good = [raw for raw, one in zip(objects, found, strict=True) if isinstance(one, Record)]
        losers: list[str] = []
        for raw in good:
            losers += [key for key in records.merged_ids(raw) if key in self._known[kind.name]]
        self._told_gone[kind.name].update(losers)
        tombstones = [Record(values={kind.id_column: key}, is_deleted=True) for key in losers]
        yield Batch(kind.name, [*found, *tombstones])
        if kind.history:
            past: list[Record | Malformed] = []
            for raw in good:
                past += _history(raw, kind, self._settings)
            yield Batch(f"{kind.name}_history", past)
        yield from self._associations(kind, [str(raw["id"]) for raw in good])
        yield from self._cut_ends(kind, losers)

    def _associations(self, kind: ObjectType, ids: Sequence[str]) -> Stream:
        """Present associations of the objects, and tombstones for those that they had before."""
        for other in kind.associations if ids else ():
            ends = self._client.associations(kind.name, other, ids)
            found = [
                records.association(kind.name, own_id, other, other_id, types)
                for own_id, others in ends.items()
                for other_id, types in others.items()
            ]
            gone = [
                records.association_gone(f"{kind.name}:{own_id}:{other}:{other_id}")
                for own_id in ids
                for other_id in sorted(self._ends.of(kind.name, own_id, other) - ends.get(own_id, {}).keys())
            ]
            yield Batch("associations", [*found, *gone])

    def _cut_ends(self, kind: ObjectType, ids: Iterable[str]) -> Stream:
        """Tombstones for all associations of objects that are gone."""
        keys = sorted({key for object_id in ids for key in self._ends.touching(kind.name, object_id)})
        if keys:
            yield Batch("associations", [records.association_gone(key) for key in keys])

    def _archived(self, kind: ObjectType, properties: Sequence[str], state: dict[str, Any]) -> Stream:
        """Tombstones for archived objects. There is no filter by time: all are listed, the known ones skipped
        here.
        """
        last = state.get("archived_until", "")
        newest = last
        to_record = partial(records.crm_object, kind=kind, settings=self._settings)
        for page, _ in self._client.objects(kind.name, properties=properties, is_archived=True):
            new = [
                one
                for one in page
                if not last or _archived_at(one) > last or str(one["id"]) in self._known[kind.name]
            ]
            if new:
                newest = max(newest, *(_archived_at(one) for one in new))
                self._told_gone[kind.name].update(str(one["id"]) for one in new)
                yield Batch(kind.name, mapped(new, to_record))
                yield from self._cut_ends(kind, [str(one["id"]) for one in new])
        if newest != last:
            state["archived_until"] = newest
            yield Checkpoint(kind.name, dict(state))

    def _vanished(self, kind: ObjectType, state: dict[str, Any]) -> Stream:
        """Tombstones, at a cadence, for what is neither in the list nor among the archived: erased for
        privacy, or archived longer ago than HubSpot tells.
        """
        last, now = state.get("swept_ms"), self._now_ms / 1000
        if last is not None and not is_due(last / 1000, now, self._settings.sweep_every_hours):
            return
        known = self._known[kind.name]
        # A first load has just read them all.
        if last is not None and known:
            seen = {
                str(one["id"])
                for page, _ in self._client.objects(kind.name, properties=["hs_object_id"])
                for one in page
            }
            missing = sorted(known - seen - self._told_gone[kind.name])
            # An object that was made or brought back while the list was being read is there by its id.
            there = self._client.read(kind.name, missing, properties=["hs_object_id"]) if missing else []
            gone = sorted(set(missing) - {str(one["id"]) for one in there})
            ratio, source = self._settings.deletion_guard_ratio, self._client.source
            if not is_believable(gone, len(known), ratio, source=source, resource=kind.name):
                return
            if gone:
                yield Batch(
                    kind.name, [Record(values={kind.id_column: key}, is_deleted=True) for key in gone]
                )
                yield from self._cut_ends(kind, gone)
        state["swept_ms"] = self._now_ms
        yield Checkpoint(kind.name, dict(state))

    def _all_associations(self) -> Stream:
        """All associations of all live objects, at a cadence: changing one does not reliably move a
        cursor.
        """
        last_ms = self._context.state.get("associations", {}).get("reread_ms")
        if last_ms is None:
            # The first load has just read them all.
            yield Checkpoint("associations", {"reread_ms": self._now_ms})
            return
        # Five minutes of grace: a daily schedule does not start to the second.
        if self._now_ms - last_ms < self._settings.associations_every_hours * 3_600_000 - 300_000:
            return
        for kind in OBJECT_TYPES:
            ids = sorted(self._known[kind.name], key=lambda key: (len(key), key))
            for at in range(0, len(ids), 10 * _GROUP):
                yield from self._associations(kind, ids[at : at + 10 * _GROUP])
        yield Checkpoint("associations", {"reread_ms": self._now_ms})


class _Ends:
    """What the warehouse knows of associations, by either end."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._by_from: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._by_object: dict[tuple[str, str], list[str]] = defaultdict(list)
        for key in keys:
            from_type, from_id, to_type, to_id = key.split(":")
            self._by_from[(from_type, from_id, to_type)].add(to_id)
            self._by_object[(from_type, from_id)].append(key)
            self._by_object[(to_type, to_id)].append(key)

    def of(self, from_type: str, from_id: str, to_type: str) -> set[str]:
        """Ids at the other end."""
        return self._by_from.get((from_type, from_id, to_type), set())

    def touching(self, object_type: str, object_id: str) -> list[str]:
        """Keys of all associations of an object, from either side."""
        return self._by_object.get((object_type, object_id), [])


def _archived_at(found: dict[str, Any]) -> str:
    value = found.get("archivedAt")
    try:
        return records.instant(value) if value else ""
    except ValueError:
        return ""


def _history(
    raw: dict[str, Any], kind: ObjectType, settings: HubSpotSettings
) -> Sequence[Record | Malformed]:
    try:
        return records.history(raw, kind, settings)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [Malformed(f"not of the documented shape: {type(error).__name__} {error}", raw)]
