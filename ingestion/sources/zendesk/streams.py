"""What is read from Zendesk, in what order, and what the state remembers.

Belongs here: cursors, overlaps, fallbacks. Does not belong here: the form of requests (`client.py`) and of
records (`records.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ingestion.errors import ConfigurationInvalid, RequestRefused, Unauthorized
from ingestion.mapping import mapped
from ingestion.slicing import Checkpoint, Stream, cut, interleave
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.zendesk import records
from ingestion.sources.zendesk.client import ZendeskClient
from ingestion.sources.zendesk.settings import ZendeskSettings
from ingestion.sweeping import is_believable, is_due

_LOG = logging.getLogger(__name__)
# Exports refuse a start within the last minute.
_MINUTE_HELD_BACK = 61


class ZendeskReader:
    """One run of one connection."""

    def __init__(self, settings: ZendeskSettings, context: RunContext, client: ZendeskClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._now = int(context.now.timestamp())
        self._start = _epoch_of(settings.start_date, client.source)
        # Read here, in the thread of the run; the streams have their own.
        self._known = {name: context.known.keys(name) for name in ("groups", "jira_links", "organizations")}

    def slices(self) -> Iterator[Slice]:
        """The run's work; see README.md for the state."""
        streams: list[Callable[[], Stream]] = [
            self._tickets,
            self._ticket_events,
            self._organizations,
            self._users,
            self._groups,
            self._csat_responses,
            self._jira_links,
        ]
        return cut(
            interleave(streams),
            self._context.state,
            rows=self._settings.rows_per_slice,
        )

    def _part(self, name: str) -> dict[str, Any]:
        return dict(self._context.state.get(name, {}))

    def _since(self, seconds: int | None) -> int:
        return min(self._start if seconds is None else seconds, self._now - _MINUTE_HELD_BACK)

    def _tickets(self) -> Stream:
        """Tickets with their metric sets, deleted ones included, from the cursor."""
        pages = self._client.export_by_cursor(
            "tickets",
            "tickets",
            bucket="incremental-exports",
            start_time=self._since(None),
            cursor=self._part("tickets").get("cursor"),
            params={"include": "metric_sets", "support_type_scope": "all"},
        )
        for tickets, cursor in pages:
            yield Batch("tickets", mapped(tickets, records.ticket))
            sets = [one["metric_set"] for one in tickets if isinstance(one, dict) and one.get("metric_set")]
            yield Batch("ticket_metrics", mapped(sets, records.ticket_metrics))
            if cursor:
                yield Checkpoint("tickets", {"cursor": cursor})

    def _users(self) -> Stream:
        pages = self._client.export_by_cursor(
            "users",
            "users",
            bucket="incremental-exports-cursor",
            start_time=self._since(None),
            cursor=self._part("users").get("cursor"),
        )
        for users, cursor in pages:
            yield Batch("users", mapped(users, records.user))
            if cursor:
                yield Checkpoint("users", {"cursor": cursor})

    def _organizations(self) -> Stream:
        state = self._part("organizations")
        since = self._since(state.get("end_time"))
        told_gone: set[str] = set()
        pages = self._client.export_by_time("organizations", "organizations", start_time=since)
        for organizations, end_time in pages:
            country = self._settings.organization_country_field
            read = partial(records.organization, country_field=country)
            told = mapped(organizations, read)
            told_gone |= {
                str(one.values["organization_id"])
                for one in told
                if isinstance(one, Record) and one.is_deleted
            }
            yield Batch("organizations", told)
            state["end_time"] = end_time
            yield Checkpoint("organizations", dict(state))
        yield from self._vanished_organizations(state, self._known["organizations"] - told_gone)

    def _vanished_organizations(self, state: dict[str, Any], known: set[str]) -> Stream:
        """Tombstones, at a cadence, for organisations that are no longer listed: whether the export tells of
        deleted ones is not documented, and of merged ones it need not.
        """
        last = state.get("swept")
        if last is not None and not is_due(last, self._now, self._settings.organizations_every_hours):
            return
        if last is not None and known:
            seen = {
                str(one["id"])
                for one in self._client.listed("organizations", "organizations")
                if isinstance(one, dict) and "id" in one
            }
            gone = sorted(known - seen)
            ratio, source = self._settings.deletion_guard_ratio, self._client.source
            if not is_believable(gone, len(known), ratio, source=source, resource="organizations"):
                return
            tombstones = [Record(values={"organization_id": key}, is_deleted=True) for key in gone]
            yield Batch("organizations", tombstones)
        state["swept"] = self._now
        yield Checkpoint("organizations", dict(state))

    def _ticket_events(self) -> Stream:
        """Comments and changes: the feed of audits, with comments side-loaded into their events."""
        since = self._since(self._part("ticket_events").get("end_time"))
        pages = self._client.export_by_time(
            "ticket_events", "ticket_events", start_time=since, params={"include": "comment_events"}
        )
        for events, end_time in pages:
            comments: list[Record | Malformed] = []
            changes: list[Record | Malformed] = []
            for event in events:
                if problem := records.not_an_event(event):
                    changes.append(problem)
                    continue
                try:
                    comments += records.comments(event)
                    changes += records.changes(event)
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    changes.append(
                        Malformed(f"not of the documented shape: {type(error).__name__} {error}", event)
                    )
            yield Batch("ticket_comments", comments)
            yield Batch("ticket_changes", changes)
            yield Checkpoint("ticket_events", {"end_time": end_time})

    def _groups(self) -> Stream:
        found = mapped(self._client.listed("groups", "groups"), records.group)
        seen = {one.values["group_id"] for one in found if isinstance(one, Record)}
        gone = sorted(self._known["groups"] - seen)
        tombstones = [Record(values={"group_id": key, "is_deleted": True}, is_deleted=True) for key in gone]
        yield Batch("groups", [*found, *tombstones])

    def _csat_responses(self) -> Stream:
        """Satisfaction answers asked for since the overlap: the filter knows when a survey was sent, not when
        it was answered.
        """
        until = self._part("csat_responses").get("until")
        overlap = round(self._settings.csat_overlap_days * 86_400)
        since = self._start if until is None else until - overlap
        try:
            found = mapped(
                self._client.listed(
                    "guide/survey_responses", "survey_responses", {"filter[created_at_start]": since * 1000}
                ),
                records.survey_response,
            )
        except (RequestRefused, Unauthorized) as error:
            # 404 InvalidEndpoint: the plan has the older ratings only.
            if isinstance(error, RequestRefused) and error.status != 404:
                raise
            try:
                found = mapped(
                    self._client.listed(
                        "satisfaction_ratings.json", "satisfaction_ratings", {"start_time": since}
                    ),
                    records.satisfaction_rating,
                )
            except (RequestRefused, Unauthorized) as older:
                _LOG.warning(
                    "%s: satisfaction answers are left out: surveys came with %s, ratings with %s. "
                    "Switch satisfaction on in Zendesk, or give the OAuth client the scope 'read'",
                    self._client.source,
                    error.came,
                    older.came,
                )
                return
        yield Batch("csat_responses", found)
        yield Checkpoint("csat_responses", {"until": self._now})

    def _jira_links(self) -> Stream:
        """Links to Jira: new ones by id, all of them at a cadence, since a removed link leaves no trace."""
        state = self._part("jira_links")
        reread = state.get("reread")
        cadence = self._settings.jira_links_every_hours * 3600 - 300
        is_full = reread is None or self._now - reread >= cadence or bool(self._settings.jira_integration_id)
        since_id = 0 if is_full else int(state.get("since_id", 0))
        seen: set[str] = set()
        newest = since_id
        try:
            for links in self._pages_of_links(since_id):
                found = mapped(links, records.jira_link)
                seen |= {one.values["link_id"] for one in found if isinstance(one, Record)}
                newest = max([newest, *(int(key) for key in seen if key.isdecimal())])
                yield Batch("jira_links", found)
        except (Unauthorized, RequestRefused) as error:
            if isinstance(error, RequestRefused) and error.status != 404:
                raise
            _LOG.warning(
                "%s: links to Jira are left out (%s). Install the Jira integration and switch on "
                "'manage links' for the API, or set jira_integration_id for the newer integration",
                self._client.source,
                error.came,
            )
            return
        if is_full:
            gone = sorted(self._known["jira_links"] - seen)
            if gone:
                yield Batch("jira_links", [Record(values={"link_id": key}, is_deleted=True) for key in gone])
        yield Checkpoint("jira_links", {"since_id": newest, "reread": self._now if is_full else reread})

    def _pages_of_links(self, since_id: int) -> Iterator[list[Any]]:
        integration = self._settings.jira_integration_id
        if integration:
            yield list(self._client.listed(f"integrations/jira/{integration}/links", "links"))
        else:
            yield from self._client.older_jira_links(since_id)


def _epoch_of(day: str, source: str) -> int:
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ConfigurationInvalid(
            "start_date as YYYY-MM-DD", repr(day), "correct start_date of the connection", source=source
        ) from None
