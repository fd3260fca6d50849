"""What is read from Intercom, in what order, and what the state remembers.

Belongs here: cursors, overlaps, sweeps. Does not belong here: the form of requests (`client.py`) and of
records (`records.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ingestion.errors import ConfigurationInvalid
from ingestion.mapping import mapped
from ingestion.slicing import Checkpoint, Stream, cut, interleave
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.intercom import records
from ingestion.sources.intercom.client import IntercomClient
from ingestion.sources.intercom.settings import IntercomSettings
from ingestion.sweeping import is_believable, is_due


class IntercomReader:
    """One run of one connection."""

    def __init__(self, settings: IntercomSettings, context: RunContext, client: IntercomClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._now = int(context.now.timestamp())
        self._start = _epoch_of(settings.start_date, client.source)
        # Read here, in the thread of the run; the streams have their own.
        self._known = {
            name: context.known.keys(name) for name in ("contacts", "companies", "admins", "teams")
        }

    def slices(self) -> Iterator[Slice]:
        """The run's work; see README.md for the state."""
        streams: list[Callable[[], Stream]] = [
            self._conversations,
            self._contacts,
            self._companies,
            self._admins,
            self._teams,
        ]
        return cut(interleave(streams), self._context.state, rows=self._settings.rows_per_slice)

    def _part(self, name: str) -> dict[str, Any]:
        return dict(self._context.state.get(name, {}))

    def _since(self, until: int | None) -> int:
        """From when on to read: the overlap before where the last run ended."""
        if until is None:
            return self._start
        return max(self._start, until - round(self._settings.overlap_minutes * 60))

    def _conversations(self) -> Stream:
        """Changed conversations, each read once more with its parts; then those that were deleted."""
        until = self._part("conversations").get("until")
        since = self._since(until)
        read = partial(records.conversation, settings=self._settings)
        for page in self._client.changed("conversations", "conversations", since=since, before=self._now):
            heads = [one for one in page if isinstance(one, dict) and "id" in one]
            unkeyed: list[Record | Malformed] = [
                Malformed("expected a conversation with id; it is missing", one)
                for one in page
                if not isinstance(one, dict) or "id" not in one
            ]
            # One that is gone by now is among the deleted ones.
            keys = (str(head["id"]) for head in heads)
            whole = [one for one in self._client.conversations(keys) if one is not None]
            yield Batch("conversations", [*unkeyed, *mapped(whole, read)])
            yield Batch(
                "conversation_parts", [part for one in whole for part in records.parts(one, self._settings)]
            )
            reached = max((int(head.get("updated_at") or 0) for head in heads), default=0)
            if reached:
                yield Checkpoint("conversations", {"until": reached})
        yield Checkpoint("conversations", {"until": self._now})
        yield from self._deletions()

    def _deletions(self) -> Stream:
        since = self._since(self._part("deletions").get("until"))
        for page in self._client.deletions(since):
            yield Batch("conversations", mapped(page, records.deleted_conversation))
        yield Checkpoint("deletions", {"until": self._now})

    def _contacts(self) -> Stream:
        """Changed contacts; at a cadence the list of all, since one that is gone leaves no trace."""
        state = self._part("contacts")
        for page in self._client.changed(
            "contacts",
            "data",
            since=self._since(state.get("until")),
            before=self._now,
            params={"include_merge_history": "true"},
        ):
            yield Batch("contacts", mapped(page, records.contact))
        swept = state.get("swept")
        if not is_due(swept, self._now, self._settings.contacts_sweep_every_hours):
            yield Checkpoint("contacts", {"until": self._now, "swept": swept})
            return
        if self._known["contacts"]:
            seen = {str(one["id"]) for page in self._client.listed("contacts", "data") for one in page}
            gone = self._known["contacts"] - seen
            ratio, source = self._settings.deletion_guard_ratio, self._client.source
            if not is_believable(
                gone, len(self._known["contacts"]), ratio, source=source, resource="contacts"
            ):
                yield Checkpoint(
                    "contacts", {"until": self._now} | ({} if swept is None else {"swept": swept})
                )
                return
            yield Batch("contacts", _tombstones("contact_id", gone))
        yield Checkpoint("contacts", {"until": self._now, "swept": self._now})

    def _companies(self) -> Stream:
        read = partial(records.company, settings=self._settings)
        yield from self._listed("companies", "company_id", self._client.companies(), read)

    def _admins(self) -> Stream:
        found = self._client.whole("admins", "admins")
        yield from self._listed("admins", "admin_id", found, records.admin)

    def _teams(self) -> Stream:
        yield from self._listed("teams", "team_id", self._client.whole("teams", "teams"), records.team)

    def _listed(self, resource: str, key: str, found: list[Any], read: Callable[[Any], Record]) -> Stream:
        """A whole list, and tombstones for what is no longer in it."""
        told = mapped(found, read)
        seen = {one.values[key] for one in told if isinstance(one, Record)}
        yield Batch(resource, [*told, *_tombstones(key, self._known[resource] - seen)])


def _tombstones(key: str, gone: set[str]) -> list[Record | Malformed]:
    return [Record(values={key: one}, is_deleted=True) for one in sorted(gone)]


def _epoch_of(day: str, source: str) -> int:
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ConfigurationInvalid(
            "start_date as YYYY-MM-DD", repr(day), "correct start_date of the connection", source=source
        ) from None
