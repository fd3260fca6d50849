"""Jira's objects to records.

Belongs here: which part of an answer fills which column. Does not belong here: requests, and casting, which
is the pipeline's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion.source import Malformed, Record
from ingestion.sources.jira.adf import adf_to_text

_SPRINT_SCHEMA = "com.pyxis.greenhopper.jira:gh-sprint"
_STORY_POINT_SCHEMA = "com.pyxis.greenhopper.jira:jsw-story-points"
_FLOAT_SCHEMA = "com.atlassian.jira.plugin.system.customfieldtypes:float"
_STORY_POINT_NAMES = frozenset({"story points", "story point estimate", "pontos de história"})
# Where Data Center keeps what an issue belongs to, as a key; `parent` is there for sub-tasks only.
_PARENT_SCHEMAS = ("com.pyxis.greenhopper.jira:gh-epic-link", "com.atlassian.jpo:jpo-custom-field-parent")
_FLAGGED_NAMES = frozenset({"flagged", "sinalizado", "sinalizada"})
_SPRINT_TEXT_ID = re.compile(r"\bid=(\d+)")


@dataclass(frozen=True)
class IssueFields:
    """Ids of the site's custom fields that columns come from.

    Arguments:
        story_points: in order of preference; the first that holds a number counts.
        sprint: the sprint field, if the site has one.
        flagged: fields whose being filled means `impediment`.
        parents: fields that name the issue above by its key.
    """

    story_points: tuple[str, ...]
    sprint: str | None
    flagged: tuple[str, ...]
    parents: tuple[str, ...] = ()

    @classmethod
    def find(
        cls,
        fields: Iterable[Mapping[str, Any]],
        *,
        story_points: Sequence[str] = (),
        sprint: str | None = None,
        flagged: str | None = None,
    ) -> IssueFields:
        """Take the ids from the settings, else find them in the site's list of fields.

        Arguments:
            fields: the answer of `/field`. Ids of custom fields differ from site to site, types do not;
                company- and team-managed projects have one story point field each.
        """
        by_schema: list[str] = []
        by_name: list[str] = []
        sprints: list[str] = []
        flags: list[str] = []
        parents: list[str] = []
        for one in fields:
            schema = _dig(one, "schema", "custom")
            name = str(one.get("name") or "").strip().lower()
            if schema == _STORY_POINT_SCHEMA:
                by_schema.append(str(one["id"]))
            elif schema == _FLOAT_SCHEMA and name in _STORY_POINT_NAMES:
                by_name.append(str(one["id"]))
            elif schema == _SPRINT_SCHEMA:
                sprints.append(str(one["id"]))
            elif schema in _PARENT_SCHEMAS:
                parents.append(str(one["id"]))
            elif one.get("custom") and name in _FLAGGED_NAMES:
                flags.append(str(one["id"]))
        return cls(
            story_points=tuple(story_points) or (*by_name, *by_schema),
            sprint=sprint or (sprints[0] if sprints else None),
            flagged=(flagged,) if flagged else tuple(flags),
            parents=tuple(parents),
        )


def named_levels(epic_types: Iterable[str], initiative_types: Iterable[str]) -> dict[str, int]:
    """Levels by the lower-case name of the issue type, for sites that do not tell them."""
    return {
        **{name.lower(): 1 for name in epic_types},
        **{name.lower(): 2 for name in initiative_types},
    }


def parent_keys(issues: Iterable[Mapping[str, Any]], where: IssueFields) -> set[str]:
    """Keys of the issues above these that are told by key only."""
    found = {_parent_key(_map(one.get("fields")), where) for one in issues if isinstance(one, Mapping)}
    return {key for key in found if key}


def issue(
    found: Mapping[str, Any],
    where: IssueFields,
    levels: Mapping[str, int] | None = None,
    parents: Mapping[str, str] | None = None,
) -> Record | Malformed:
    """One issue with its versions, sprints and links.

    Arguments:
        levels: see `named_levels`.
        parents: ids of the issues that `parent_keys` asked for.
    """
    fields = found.get("fields")
    issue_id = _text(found.get("id"))
    if issue_id is None or not isinstance(fields, Mapping):
        return Malformed("expected an issue with id and fields; one of them is missing", found)
    kind = _map(fields.get("issuetype"))
    status = _map(fields.get("status"))
    values = {
        "issue_id": issue_id,
        "issue_key": found.get("key"),
        "project_id": _text(_dig(fields, "project", "id")),
        "project_key": _dig(fields, "project", "key"),
        "issue_type_id": _text(kind.get("id")),
        "issue_type_name": kind.get("name"),
        "hierarchy_level": _level(kind, levels or {}),
        "summary": fields.get("summary"),
        "description_text": adf_to_text(fields.get("description")),
        "status_id": _text(status.get("id")),
        "status_name": status.get("name"),
        "status_category_key": _dig(status, "statusCategory", "key"),
        "priority": _dig(fields, "priority", "name"),
        "resolution": _dig(fields, "resolution", "name"),
        "resolved_at": fields.get("resolutiondate"),
        "created_at": fields.get("created"),
        "updated_at": fields.get("updated"),
        "assignee_id": user_id(fields.get("assignee")),
        "reporter_id": user_id(fields.get("reporter")),
        "parent_id": _text(_dig(fields, "parent", "id"))
        or (parents or {}).get(_parent_key(fields, where) or ""),
        "story_points": next(
            (fields[one] for one in where.story_points if fields.get(one) is not None), None
        ),
        "labels": ";".join(str(label) for label in fields.get("labels") or []) or None,
        "is_flagged": any(bool(fields.get(one)) for one in where.flagged),
    }
    children: dict[str, list[Mapping[str, Any]]] = {
        "issue_fix_versions": [
            {"issue_id": issue_id, "version_id": str(version["id"])}
            for version in fields.get("fixVersions") or []
        ],
        "issue_sprints": [
            {"issue_id": issue_id, "sprint_id": sprint_id}
            for sprint_id in _sprint_ids(fields.get(where.sprint) if where.sprint else None)
        ],
        "issue_links": [_link(issue_id, link) for link in fields.get("issuelinks") or []],
    }
    # The changelog has a table of its own.
    payload = {name: value for name, value in found.items() if name != "changelog"}
    return Record(values=values, payload=payload, children=children)


def changes(log: Mapping[str, Any]) -> list[Record | Malformed]:
    """One record per changed field of an issue's `issueChangeLogs` entry."""
    issue_id = _text(log.get("issueId"))
    if issue_id is None:
        return [Malformed("expected a changelog with issueId; it is missing", log)]
    found: list[Record | Malformed] = []
    for history in log.get("changeHistories") or []:
        items = history.get("items")
        if not items:
            continue
        history_id, author, created = str(history["id"]), history.get("author"), history.get("created")
        changed_at, author_id = instant(created), user_id(author)
        for index, item in enumerate(items):
            values = {
                "issue_id": issue_id,
                "history_id": history_id,
                "item_index": index,
                "field": item.get("field"),
                "field_id": item.get("fieldId"),
                "from_value": _text(item.get("from")),
                "from_label": item.get("fromString"),
                "to_value": _text(item.get("to")),
                "to_label": item.get("toString"),
                "changed_at": changed_at,
                "author_id": author_id,
            }
            found.append(Record(values=values, payload={**item, "author": author, "created": created}))
    return found


def project(found: Mapping[str, Any], *, is_archived: bool, is_deleted: bool) -> Record:
    """A project; those in the bin are tombstones that still show their content."""
    return Record(
        values={
            "project_id": _text(found.get("id")),
            "project_key": found.get("key"),
            "name": found.get("name"),
            "style": found.get("style"),
            "is_archived": bool(found.get("archived", is_archived)),
        },
        payload=found,
        is_deleted=bool(found.get("deleted", is_deleted)),
    )


def status(found: Mapping[str, Any]) -> Record:
    """A status; `scope` names the project of a team-managed one."""
    return Record(
        values={
            "status_id": _text(found.get("id")),
            "name": found.get("name"),
            "category_key": _dig(found, "statusCategory", "key"),
            "scope_project_id": _text(_dig(found, "scope", "project", "id")),
        },
        payload=found,
    )


def issue_type(found: Mapping[str, Any], levels: Mapping[str, int] | None = None) -> Record:
    """An issue type; `levels` as in `issue`."""
    return Record(
        values={
            "issue_type_id": _text(found.get("id")),
            "name": found.get("name"),
            "hierarchy_level": _level(found, levels or {}),
        },
        payload=found,
    )


def field(found: Mapping[str, Any]) -> Record:
    """A field of the site."""
    return Record(
        values={
            "field_id": found.get("id"),
            "name": found.get("name"),
            "schema_custom": _dig(found, "schema", "custom"),
        },
        payload=found,
    )


def user(found: Mapping[str, Any]) -> Record:
    """A user; pictures' addresses are left out of the payload, they change without meaning."""
    return Record(
        values={
            "account_id": user_id(found),
            "display_name": found.get("displayName"),
            "email_address": found.get("emailAddress") or None,
            "account_type": found.get("accountType"),
            "is_active": found.get("active"),
            "time_zone": found.get("timeZone"),
        },
        payload={name: value for name, value in found.items() if name != "avatarUrls"},
    )


def board(found: Mapping[str, Any]) -> Record:
    """A board and the project it lies in."""
    return Record(
        values={
            "board_id": _text(found.get("id")),
            "name": found.get("name"),
            "board_type": found.get("type"),
            "project_id": _text(_dig(found, "location", "projectId")),
        },
        payload=found,
    )


def sprint(found: Mapping[str, Any], board_id: str) -> Record:
    """A sprint; a board also lists sprints of other boards, whose origin counts."""
    return Record(
        values={
            "sprint_id": _text(found.get("id")),
            "board_id": _text(found.get("originBoardId")) or board_id,
            "name": found.get("name"),
            "state": found.get("state"),
            "start_at": found.get("startDate"),
            "end_at": found.get("endDate"),
            "complete_at": found.get("completeDate"),
            "goal": found.get("goal") or None,
        },
        payload=found,
    )


def version(found: Mapping[str, Any], project_id: str) -> Record:
    """A version. `overdue` and the user-formatted dates depend on the day of reading and are left out."""
    return Record(
        values={
            "version_id": _text(found.get("id")),
            "project_id": _text(found.get("projectId")) or project_id,
            "name": found.get("name"),
            "start_on": found.get("startDate"),
            "release_on": found.get("releaseDate"),
            "is_released": found.get("released"),
            "is_archived": found.get("archived"),
        },
        payload={
            name: value
            for name, value in found.items()
            if name not in ("overdue", "userStartDate", "userReleaseDate")
        },
    )


def user_id(found: Any) -> str | None:
    """Cloud's accountId; Data Center's key, which outlives a change of the user name."""
    user = _map(found)
    return user.get("accountId") or user.get("key") or user.get("name")


def instant(value: Any) -> str | None:
    """ISO text in UTC: bulk changelogs tell time in epoch milliseconds, all else as ISO with an offset."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    return value or None


def epoch_ms(value: str) -> int:
    """Milliseconds of Jira's `2026-11-01T10:00:00.000+0100`."""
    return round(datetime.fromisoformat(value).timestamp() * 1000)


def _sprint_ids(value: Any) -> list[str]:
    """Ids in the order given, each once. Older sites send `Sprint@1f[id=5,state=ACTIVE,...]`."""
    found: dict[str, None] = {}
    for one in value if isinstance(value, list) else []:
        if isinstance(one, Mapping) and one.get("id") is not None:
            found[str(one["id"])] = None
        elif isinstance(one, str) and (match := _SPRINT_TEXT_ID.search(one)):
            found[match.group(1)] = None
    return list(found)


def _parent_key(fields: Mapping[str, Any], where: IssueFields) -> str | None:
    if fields.get("parent"):
        return None
    return next((str(fields[one]) for one in where.parents if isinstance(fields.get(one), str)), None)


def _level(kind: Mapping[str, Any], levels: Mapping[str, int]) -> int | None:
    """Cloud tells the level; Data Center only what is a sub-task."""
    if kind.get("hierarchyLevel") is not None or "subtask" not in kind:
        return kind.get("hierarchyLevel")
    return -1 if kind["subtask"] else levels.get(str(kind.get("name")).lower(), 0)


def _link(issue_id: str, link: Mapping[str, Any]) -> dict[str, Any]:
    direction = "outward" if link.get("outwardIssue") else "inward"
    return {
        "issue_id": issue_id,
        "link_id": str(link["id"]),
        "link_type": _dig(link, "type", "name"),
        "direction": direction,
        "other_issue_id": _text(_dig(link, f"{direction}Issue", "id")),
    }


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dig(value: Any, *path: str) -> Any:
    for name in path:
        value = _map(value).get(name)
    return value


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
