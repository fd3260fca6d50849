"""What is read from Jira, in what order, and what the state remembers.

Belongs here: cursors, first loads, the id sweep. Does not belong here: the form of requests (`client.py`) and
of records (`records.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.errors import RequestRefused, Unauthorized
from ingestion.mapping import mapped
from ingestion.slicing import Checkpoint, Stream, cut, interleave
from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.jira import records
from ingestion.sources.jira.client import JiraClient, ProjectState
from ingestion.sources.jira.settings import JiraSettings
from ingestion.sweeping import is_believable, is_due

_LOG = logging.getLogger(__name__)
_GROUP = 500
_FEW = 10
_LONG_AGO = "1970-01-01 00:00"
_IDS_IN_JQL = 200


class JiraReader:
    """One run of one connection."""

    def __init__(self, settings: JiraSettings, context: RunContext, client: JiraClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._now_ms = round(context.now.timestamp() * 1000)
        # Read here, in the thread of the run; the streams have their own.
        self._known = {
            name: context.known.keys(name)
            for name in (
                "issues",
                "projects",
                "statuses",
                "issue_types",
                "fields",
                "boards",
                "sprints",
                "versions",
            )
        }

    def slices(self) -> Iterator[Slice]:
        """The run's work; see README.md for the state."""
        return cut(self._stream(), self._context.state, rows=self._settings.rows_per_slice)

    def _stream(self) -> Stream:
        client, settings, state = self._client, self._settings, self._context.state
        user = client.myself()
        fields = client.array("field")
        issue_fields = records.IssueFields.find(
            fields,
            story_points=settings.story_points_fields,
            sprint=settings.sprint_field,
            flagged=settings.flagged_field,
        )
        self._levels = records.named_levels(settings.epic_types, settings.initiative_types)
        projects, archived, deleted = self._projects()
        yield from self._full_list(
            "projects",
            [
                *mapped(projects, partial(records.project, is_archived=False, is_deleted=False)),
                *mapped(archived, partial(records.project, is_archived=True, is_deleted=False)),
                *mapped(deleted, partial(records.project, is_archived=False, is_deleted=True)),
            ],
        )
        yield from self._full_list("fields", mapped(fields, records.field))
        streams: list[Callable[[], Stream]] = []
        cursor = state.get("issues", {}).get("cursor_ms")
        if cursor is None:
            # Whatever changes from here on is found by the cursor, also when reading the projects takes
            # several runs.
            yield Checkpoint("issues", {"cursor_ms": self._now_ms})
        else:
            streams.append(partial(self._changed_issues, cursor, issue_fields, user))
        unread = [one for one in projects if not state.get(f"project:{one['id']}", {}).get("done")]
        streams += [partial(self._project_issues, str(one["id"]), issue_fields, user) for one in unread]
        streams.append(partial(self._catalogue, projects))
        streams.append(self._agile)
        if self._is_sweep_due():
            # Until all projects are read, most of what the warehouse does not hold is only yet to come.
            since_ms = None if unread else cursor
            all_projects = [*projects, *archived, *deleted]
            streams.append(partial(self._sweep, all_projects, since_ms, issue_fields, user))
        yield from interleave(streams, workers=settings.workers)
        # From the run's start: what changed while it was reading is found by the next one.
        yield Checkpoint("issues", {"cursor_ms": self._now_ms})
        if not self._known["issues"]:
            # Nothing that was known before can be gone.
            yield Checkpoint("sweep", {"at_ms": self._now_ms})

    def _projects(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Live, archived and deleted projects: asked apart, since not every site marks them on the object."""
        wanted = {key.upper() for key in self._settings.projects}

        def ask(state: ProjectState) -> list[Any]:
            try:
                found = self._client.projects(state)
            except (Unauthorized, RequestRefused):
                if state == "live":
                    raise
                # Listing the bin and the archive takes an administrator.
                _LOG.warning("%s: %s projects cannot be listed by this user", self._client.source, state)
                return []
            return [one for one in found if not wanted or str(one.get("key", "")).upper() in wanted]

        states: tuple[ProjectState, ...] = ("live", "archived", "deleted")
        live, archived, deleted = self._client.http.map(ask, states)
        seen: set[str] = set()
        groups: list[list[Any]] = []
        for group in (archived, deleted, live):
            groups.append([one for one in group if str(one.get("id")) not in seen])
            seen |= {str(one.get("id")) for one in group}
        archived, deleted, live = groups
        return live, archived, deleted

    def _full_list(self, resource: str, found: Iterable[Record | Malformed]) -> Stream:
        """A list that came whole, and tombstones for what is no longer in it."""
        listed = list(found)
        id_column = _ID_COLUMNS[resource]
        seen = {str(one.values[id_column]) for one in listed if isinstance(one, Record)}
        gone = [
            Record(values={id_column: key}, is_deleted=True) for key in sorted(self._known[resource] - seen)
        ]
        yield Batch(resource, [*listed, *gone])

    def _catalogue(self, projects: list[Any]) -> Stream:
        client = self._client
        yield from self._full_list("statuses", mapped(client.array("status"), records.status))
        yield from self._full_list(
            "issue_types",
            mapped(client.array("issuetype"), partial(records.issue_type, levels=self._levels)),
        )
        yield Batch("users", mapped(client.users(), records.user))

        def versions(project: Any) -> list[Record | Malformed]:
            found = client.versions(str(project["key"]))
            return mapped(found, partial(records.version, project_id=str(project["id"])))

        every: list[Record | Malformed] = []
        for some in client.http.map(versions, projects, workers=self._settings.workers):
            every += some
        yield from self._full_list("versions", every)

    def _agile(self) -> Stream:
        """Boards and sprints, all of them each time: starting or closing a sprint moves nothing else."""
        client = self._client
        try:
            boards = list(client.paged("board", agile=True))
        except (Unauthorized, RequestRefused) as error:
            _LOG.warning(
                "%s: boards and sprints are left out, the user may not read them (%s). "
                "Give the user access to Jira Software",
                client.source,
                error.came,
            )
            return
        yield from self._full_list("boards", mapped(boards, records.board))
        sprints: dict[str, Record | Malformed] = {}
        with_sprints = [str(one["id"]) for one in boards if one.get("type") != "kanban"]
        found = client.http.map(
            lambda board_id: (board_id, client.sprints(board_id)),
            with_sprints,
            workers=self._settings.workers,
        )
        for board_id, some in found:
            for one in mapped(some, partial(records.sprint, board_id=board_id)):
                key = one.values["sprint_id"] if isinstance(one, Record) else f"malformed {len(sprints)}"
                sprints.setdefault(str(key), one)
        # A closed sprint outlives its board; only one that answers 404 is gone.
        missing = sorted(self._known["sprints"] - sprints.keys())
        gone = [key for key in missing if not client.has_sprint(key)]
        tombstones = [Record(values={"sprint_id": key}, is_deleted=True) for key in gone]
        yield Batch("sprints", [*sprints.values(), *tombstones])

    def _changed_issues(self, cursor_ms: int, fields: records.IssueFields, user: Mapping[str, Any]) -> Stream:
        since = cursor_ms - round(self._settings.overlap_minutes * 60_000)

        def state(last_ms: int) -> Checkpoint:
            return Checkpoint("issues", {"cursor_ms": max(cursor_ms, min(last_ms, self._now_ms))})

        restriction = self._scope()
        return self._issues(restriction, since, fields, user, state)

    def _project_issues(
        self, project_id: str, fields: records.IssueFields, user: Mapping[str, Any]
    ) -> Stream:
        """All issues of a project that has not been read to its end, from where the last run stopped."""
        part = f"project:{project_id}"
        since = self._context.state.get(part, {}).get("cursor_ms")
        yield from self._issues(
            f"project = {project_id}", since, fields, user, lambda last: Checkpoint(part, {"cursor_ms": last})
        )
        yield Checkpoint(part, {"done": True})

    def _issues(
        self,
        restriction: str,
        since_ms: int | None,
        fields: records.IssueFields,
        user: Mapping[str, Any],
        checkpoint: Callable[[int], Checkpoint],
    ) -> Stream:
        """Issues with their changelogs, in order of change, so that a stop anywhere can go on from there.

        Arguments:
            restriction: JQL in front of the cursor; may be empty if there is a cursor.
            since_ms: epoch milliseconds; None for all.
            checkpoint: makes the checkpoint after issues up to the given instant.
        """
        restarts = 0
        while True:
            clauses = [restriction] if restriction else []
            if since_ms is not None:
                clauses.append(f"updated >= {self._cursor(since_ms, user)}")
            jql = f"{' AND '.join(clauses)} ORDER BY updated ASC, id"
            try:
                for group in _grouped(self._client.search(jql), _GROUP):
                    parents = self._client.issue_ids(records.parent_keys(group, fields))
                    as_issue = partial(records.issue, where=fields, levels=self._levels, parents=parents)
                    yield Batch("issues", mapped(group, as_issue))
                    yield from self._changes(group)
                    updated = [stamp for one in group if (stamp := _updated(one))]
                    if updated:
                        since_ms = max(records.epoch_ms(stamp) for stamp in updated)
                        yield checkpoint(since_ms)
                return
            except RequestRefused as error:
                # A page token lives for seven days, and dies with an index rebuild.
                if error.status != 400 or "nextPageToken" not in error.body or restarts >= 3:
                    raise
                restarts += 1
                _LOG.warning(
                    "%s: a page token expired; going on from the last issue read", self._client.source
                )

    def _changes(self, issues: list[dict[str, Any]]) -> Stream:
        for page in self._client.changelogs(issues):
            found: list[Record | Malformed] = []
            for log in page:
                found += _changes_of(log)
            yield Batch("issue_changes", found)

    def _cursor(self, since_ms: int, user: Mapping[str, Any]) -> str:
        """The instant as JQL takes it."""
        on_cloud = self._settings.deployment == "cloud"
        if (self._settings.cursor_style or ("epoch_ms" if on_cloud else "minutes")) == "epoch_ms":
            return str(since_ms)
        try:
            zone = ZoneInfo(str(user.get("timeZone") or "UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        # Minutes of the user's profile zone. The hour that repeats when clocks go back is read twice: fold=0.
        local = datetime.fromtimestamp(since_ms / 1000, UTC).astimezone(zone)
        return f'"{local:%Y-%m-%d %H:%M}"'

    def _scope(self) -> str:
        return f"project in ({', '.join(self._settings.projects)})" if self._settings.projects else ""

    def _is_sweep_due(self) -> bool:
        known = len(self._known["issues"])
        if not known:
            return False
        hours = self._settings.deletions_every_hours
        if hours is None:
            hours = 0.0 if known < self._settings.sweep_each_run_below else 24.0
        last_ms = self._context.state.get("sweep", {}).get("at_ms")
        return is_due(None if last_ms is None else last_ms / 1000, self._now_ms / 1000, hours)

    def _sweep(
        self,
        projects: Sequence[Mapping[str, Any]],
        cursor_ms: int | None,
        fields: records.IssueFields,
        user: Mapping[str, Any],
    ) -> Stream:
        """Tombstones for issues that no longer exist or were moved out of the projects that are read: there
        is no feed of either. And issues that can be seen again without having changed.

        An archived issue is missing from the search too, but can still be read by id.

        Arguments:
            projects: those that are read, archived and deleted ones too.
            cursor_ms: where this run goes on from; None while projects are being read for the first time.
        """
        known = self._known["issues"]
        seen: set[str] = set()
        restriction = self._scope() or f'created >= "{_LONG_AGO}"'
        for page in self._client.search(f"{restriction} ORDER BY id", fields=("id",)):
            seen |= {str(one["id"]) for one in page}
        missing = sorted(known - seen)
        homes = self._client.projects_of(missing) if len(missing) > _FEW else {}
        unproven = [key for key in missing if key not in homes]
        found = self._client.http.map(self._client.project_of, unproven, workers=self._settings.workers)
        homes |= {key: home for key, home in zip(unproven, found, strict=True) if home is not None}
        gone = [key for key in missing if key not in homes]
        ratio = self._settings.deletion_guard_ratio
        if not is_believable(gone, len(known), ratio, source=self._client.source, resource="issues"):
            return
        if self._settings.projects:
            ours = {str(one[name]) for one in projects for name in ("id", "key") if name in one}
            gone += [key for key, home in homes.items() if home and home not in ours]
        if gone:
            yield Batch("issues", [Record(values={"issue_id": key}, is_deleted=True) for key in sorted(gone)])
        if cursor_ms is not None:
            yield from self._seen_again(sorted(seen - known), cursor_ms, fields, user)
        yield Checkpoint("sweep", {"at_ms": self._now_ms})

    def _seen_again(
        self, appeared: Sequence[str], cursor_ms: int, fields: records.IssueFields, user: Mapping[str, Any]
    ) -> Stream:
        """Issues that were out of sight for a while: a permission came back, a project was chosen again.

        What changed after the cursor is read by it anyway.
        """
        before = self._cursor(cursor_ms, user)
        for at in range(0, len(appeared), _IDS_IN_JQL):
            some = ", ".join(appeared[at : at + _IDS_IN_JQL])
            found = self._issues(
                f"id in ({some}) AND updated < {before}",
                None,
                fields,
                user,
                lambda last: Checkpoint("issues", self._context.state["issues"]),
            )
            yield from (item for item in found if isinstance(item, Batch))


_ID_COLUMNS = {
    "projects": "project_id",
    "statuses": "status_id",
    "issue_types": "issue_type_id",
    "fields": "field_id",
    "boards": "board_id",
    "versions": "version_id",
}


def _grouped(pages: Iterable[list[dict[str, Any]]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Pages joined until there are at least `size` objects."""
    group: list[dict[str, Any]] = []
    for page in pages:
        group += page
        if len(group) >= size:
            yield group
            group = []
    if group:
        yield group


def _updated(found: Any) -> str | None:
    stamp = found.get("fields", {}).get("updated") if isinstance(found, dict) else None
    return stamp if isinstance(stamp, str) else None


def _changes_of(log: Any) -> list[Record | Malformed]:
    try:
        return records.changes(log)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [Malformed(f"not of the documented shape: {type(error).__name__} {error}", log)]
