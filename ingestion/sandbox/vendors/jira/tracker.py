"""The world as Jira's objects: issues with their fields and changelogs, sprints, versions, users.

Belongs here: what Jira holds. Does not belong here: paths, pages, limits (`__init__.py`), JQL (`jql.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.sandbox.credentials import JIRA_SITE
from ingestion.sandbox.snapshot import Change, Entity, Row, Snapshot
from ingestion.sandbox.vendors.jira.adf import to_document, to_wiki

STORY_POINTS = "customfield_10016"
SPRINT = "customfield_10020"
FLAGGED = "customfield_10021"
RANK = "customfield_10019"
IMPEDIMENT = "10019"
PRIORITIES = {"Highest": "1", "High": "2", "Medium": "3", "Low": "4", "Lowest": "5"}
RESOLUTIONS = {"Done": "10000", "Won't Do": "10001", "Duplicate": "10002", "Cannot Reproduce": "10003"}
CATEGORIES = {
    "new": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    "indeterminate": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    "done": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
}
LINK_TYPES = {
    "Blocks": {"id": "10000", "name": "Blocks", "inward": "is blocked by", "outward": "blocks"},
    "Relates": {"id": "10003", "name": "Relates", "inward": "relates to", "outward": "relates to"},
}
EMBEDDED_COMMENTS = 100
EMBEDDED_WORKLOGS = 20
SITE = f"https://{JIRA_SITE}.atlassian.net"
API = f"{SITE}/rest/api/3"
AGILE = f"{SITE}/rest/agile/1.0"
APP_USER = "557058:00000000-0000-4000-8000-automation"


def account_id(staff_id: int) -> str:
    return f"5b-{staff_id}"


def ids_of(text: str | None) -> list[int]:
    return [int(part) for part in (text or "").split(";") if part.strip()]


def millis(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


@dataclass(slots=True)
class History:
    """One edit of an issue."""

    id: int
    issue_id: int
    at: datetime
    by: int | None
    items: list[dict[str, Any]]


class Issue:
    """One issue as of a snapshot; what it says is made when asked for."""

    __slots__ = (
        "_histories",
        "_shown",
        "created_at",
        "entity",
        "key",
        "old_keys",
        "row",
        "tracker",
        "updated_at",
    )

    def __init__(self, tracker: Tracker, entity: Entity, updated_at: datetime) -> None:
        self.tracker, self.entity, self.row = tracker, entity, entity.row
        self.created_at, self.updated_at = entity.created_at, updated_at
        first_project = tracker.projects.get(entity.first["project_id"])
        first_key = f"{first_project['key'] if first_project else '?'}-{entity.first['number']}"
        moves = [change for change in entity.changes if change.field == "key" and change.after]
        self.key = moves[-1].after if moves else first_key
        self.old_keys = [first_key, *(change.after for change in moves)]
        self._shown: dict[int, dict[str, Any]] = {}
        self._histories: list[History] | None = None

    @property
    def id(self) -> int:
        return self.entity.id

    # --- searching

    def values(self, name: str) -> list[Any]:
        """See jql.Searchable."""
        row, tracker = self.row, self.tracker
        match name:
            case "updated":
                return [self.updated_at]
            case "created":
                return [self.created_at]
            case "id":
                return [str(self.id)]
            case "key":
                return [(self.key, str(self.id), *self.old_keys)]
            case "project":
                project = tracker.projects.get(row["project_id"])
                return [(project["key"], str(row["project_id"]), project["name"])] if project else []
            case "status":
                return [(str(row["status_id"]), tracker.status_name(row["status_id"]))]
            case "statuscategory":
                category = CATEGORIES[tracker.category(row["status_id"])]
                return [(str(category["id"]), category["key"], category["name"])]
            case "issuetype":
                kind = tracker.types.get(row["issue_type_id"])
                return [(str(row["issue_type_id"]), kind["name"] if kind else "")]
            case "priority":
                return [(row["priority"], PRIORITIES.get(row["priority"], ""))] if row["priority"] else []
            case "resolution":
                name_now = row.get("resolution")
                return [(name_now, RESOLUTIONS.get(name_now, ""))] if name_now else []
            case "resolved":
                at = self.resolved_at
                return [at] if at else []
            case "statuscategorychangeddate":
                return [self.category_changed_at]
            case "assignee" | "reporter":
                staff = row[f"{name}_staff_id"]
                return [(account_id(staff), tracker.staff_name(staff))] if staff is not None else []
            case "labels":
                return [label for label in (row["labels"] or "").split(";") if label]
            case "parent":
                parent = row["parent_issue_id"]
                return [(str(parent), tracker.key(parent))] if parent is not None else []
            case "sprint":
                return [(str(one), tracker.sprint_name(one)) for one in ids_of(row["sprint_ids"])]
            case "fixversion":
                return [(str(one), tracker.version_name(one)) for one in ids_of(row["fix_version_ids"])]
            case "customfield_10016":
                return [row["story_points"]] if row["story_points"] is not None else []
            case "summary" | "description":
                return [row[name]] if row[name] else []
            case "text":
                return [row["summary"], row["description"] or ""]
        return []

    def order(self, name: str) -> Any:
        """See jql.Searchable."""
        if name == "id":
            return self.id
        if name == "key":
            project, _, number = self.key.rpartition("-")
            return (project, int(number))
        values = self.values(name)
        if not values:
            return None
        return values[0][0] if isinstance(values[0], tuple) else values[0]

    @property
    def resolved_at(self) -> datetime | None:
        if not self.row.get("resolution"):
            return None
        times = [change.at for change in self.entity.changes if change.field == "resolution"]
        return times[-1] if times else self.created_at

    @property
    def category_changed_at(self) -> datetime:
        at = self.created_at
        for change in self.entity.changes:
            if change.field == "status_id" and self.tracker.category(change.before) != self.tracker.category(
                change.after
            ):
                at = change.at
        return at

    # --- showing

    def fields(self, version: int) -> dict[str, Any]:
        """All fields in the form of API version 2 or 3, made once."""
        if version not in self._shown:
            if version == 2:
                self._shown[2] = self._as_wiki(self.fields(3))
            else:
                self._shown[3] = self._make_fields()
        return self._shown[version]

    def _as_wiki(self, fields: dict[str, Any]) -> dict[str, Any]:
        comments = [
            {**comment, "body": to_wiki(row["text"])}
            for comment, row in zip(
                fields["comment"]["comments"], self.tracker.comments.get(self.id, []), strict=False
            )
        ]
        logs = [{**log, "comment": None} for log in fields["worklog"]["worklogs"]]
        return {
            **fields,
            "description": to_wiki(self.row["description"]),
            "comment": {**fields["comment"], "comments": comments},
            "worklog": {**fields["worklog"], "worklogs": logs},
        }

    def _make_fields(self) -> dict[str, Any]:
        row, tracker = self.row, self.tracker
        say = tracker.local
        comments, logs = tracker.comments.get(self.id, []), tracker.worklogs.get(self.id, [])
        resolution = row.get("resolution")
        resolved_at = self.resolved_at
        parent = tracker.issues.get(row["parent_issue_id"]) if row["parent_issue_id"] is not None else None
        spent = sum(log["seconds"] for log in logs)
        return {
            "summary": row["summary"],
            "issuetype": tracker.show_type(row["issue_type_id"]),
            "project": tracker.show_project_brief(row["project_id"]),
            "status": tracker.show_status(row["status_id"]),
            "priority": tracker.show_priority(row["priority"]),
            "assignee": tracker.show_user(row["assignee_staff_id"]),
            "reporter": tracker.show_user(row["reporter_staff_id"]),
            "creator": tracker.show_user(row["reporter_staff_id"]),
            "created": say(self.created_at),
            "updated": say(self.updated_at),
            "resolution": tracker.show_resolution(resolution),
            "resolutiondate": say(resolved_at) if resolved_at else None,
            "statuscategorychangedate": say(self.category_changed_at),
            "duedate": None,
            "labels": [label for label in (row["labels"] or "").split(";") if label],
            "components": [],
            "fixVersions": [tracker.show_version_brief(one) for one in ids_of(row["fix_version_ids"])],
            "versions": [],
            "parent": tracker.show_related(parent) if parent else None,
            "subtasks": [
                tracker.show_related(tracker.issues[one])
                for one in tracker.children.get(self.id, [])
                if tracker.level(tracker.issues[one].row["issue_type_id"]) < 0
            ],
            "issuelinks": tracker.show_links(self.id),
            "description": to_document(row["description"]),
            "environment": None,
            "timetracking": {"timeSpentSeconds": spent} if spent else {},
            "timespent": spent or None,
            "comment": {
                "comments": [tracker.show_comment(comment, 3) for comment in comments[:EMBEDDED_COMMENTS]],
                "self": f"{API}/issue/{self.id}/comment",
                "maxResults": EMBEDDED_COMMENTS,
                "total": len(comments),
                "startAt": 0,
            },
            "worklog": {
                "startAt": 0,
                "maxResults": EMBEDDED_WORKLOGS,
                "total": len(logs),
                "worklogs": [tracker.show_worklog(log) for log in logs[:EMBEDDED_WORKLOGS]],
            },
            SPRINT: [
                tracker.show_sprint_field(one) for one in ids_of(row["sprint_ids"]) if one in tracker.sprints
            ]
            or None,
            STORY_POINTS: row["story_points"],
            FLAGGED: (
                [{"self": f"{API}/customFieldOption/{IMPEDIMENT}", "value": "Impediment", "id": IMPEDIMENT}]
                if row["is_flagged"]
                else None
            ),
            RANK: f"0|i{self.id:06d}:",
        }

    @property
    def histories(self) -> list[History]:
        """The issue's edits, oldest first."""
        if self._histories is None:
            self._histories = list(self._make_histories())
        return self._histories

    def _make_histories(self) -> Iterable[History]:
        edits: dict[Any, list[Change]] = {}
        for change in self.entity.changes:
            edits.setdefault(change.row.get("history_id") or -change.change_id, []).append(change)
        for number, changes in edits.items():
            items = [item for change in changes for item in self.tracker.items(change)]
            if items:
                yield History(abs(number), self.id, changes[0].at, changes[0].by, items)


class Tracker:
    """Jira's database as of a snapshot, told to a user in the zone of `zone`."""

    def __init__(self, book: Snapshot, zone: str, hide_emails_every: int) -> None:
        self.book = book
        self.zone = ZoneInfo(zone)
        self.hide_emails_every = hide_emails_every
        self.searches: dict[Any, list[Issue]] = {}
        self._local: dict[datetime, str] = {}
        self._users: dict[int, dict[str, Any]] = {}
        self._statuses: dict[int, dict[str, Any]] = {}

    def local(self, moment: datetime) -> str:
        """A time as Jira says it to the user: his zone's wall clock with its offset."""
        local = moment.replace(tzinfo=UTC).astimezone(self.zone)
        return f"{local.strftime('%Y-%m-%dT%H:%M:%S')}.{local.microsecond // 1000:03d}{local.strftime('%z')}"

    # --- lists of the site

    @cached_property
    def staff(self) -> dict[int, Row]:
        return {
            row["staff_id"]: row for row in sorted(self.book.rows("staff"), key=lambda row: row["staff_id"])
        }

    @cached_property
    def projects(self) -> dict[int, Row]:
        return {
            row["project_id"]: row
            for row in sorted(self.book.rows("projects"), key=lambda row: row["project_id"])
        }

    @cached_property
    def types(self) -> dict[int, Row]:
        rows = sorted(self.book.rows("issue_types"), key=lambda row: row["issue_type_id"])
        return {row["issue_type_id"]: row for row in rows}

    @cached_property
    def statuses(self) -> dict[int, Entity]:
        return self.book.entities("statuses")

    @cached_property
    def sprints(self) -> dict[int, Row]:
        return {
            row["sprint_id"]: row
            for row in sorted(self.book.rows("sprints"), key=lambda row: row["sprint_id"])
        }

    @cached_property
    def versions(self) -> dict[int, Row]:
        rows = sorted(self.book.rows("versions"), key=lambda row: row["version_id"])
        return {row["version_id"]: row for row in rows}

    @cached_property
    def boards(self) -> dict[int, Row]:
        return {
            row["board_id"]: row for row in sorted(self.book.rows("boards"), key=lambda row: row["board_id"])
        }

    @cached_property
    def comments(self) -> dict[int, list[Row]]:
        """Comments of each issue, oldest first."""
        return self._by_issue("issue_comments", "comment_id")

    @cached_property
    def worklogs(self) -> dict[int, list[Row]]:
        return self._by_issue("worklogs", "worklog_id")

    def _by_issue(self, table: str, key: str) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {}
        for row in sorted(self.book.rows(table), key=lambda row: (row["created_at"], row[key])):
            found.setdefault(row["issue_id"], []).append(row)
        return found

    @cached_property
    def all_issues(self) -> dict[int, Entity]:
        return self.book.entities("issues")

    @cached_property
    def issues(self) -> dict[int, Issue]:
        """Issues that are not deleted, by id."""
        touched: dict[int, datetime] = {}
        for table, column in (
            ("issue_comments", "issue_id"),
            ("worklogs", "issue_id"),
            ("issue_links", "from_issue_id"),
        ):
            for row in self.book.rows(table):
                at = max(row["created_at"], row["visible_at"])
                if at > touched.get(row[column], datetime.min):
                    touched[row[column]] = at
        return {
            entity.id: Issue(self, entity, max(entity.written_at, touched.get(entity.id, datetime.min)))
            for entity in self.all_issues.values()
            if not entity.is_deleted
        }

    @cached_property
    def by_key(self) -> dict[str, Issue]:
        """Issues by key, those before a move too."""
        found: dict[str, Issue] = {}
        for issue in self.issues.values():
            for key in issue.old_keys:
                found[key] = issue
        for issue in self.issues.values():
            found[issue.key] = issue
        return found

    def find(self, id_or_key: str) -> Issue | None:
        if id_or_key.isdigit():
            return self.issues.get(int(id_or_key))
        return self.by_key.get(id_or_key.upper())

    @cached_property
    def children(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for issue in self.issues.values():
            if issue.row["parent_issue_id"] is not None:
                found.setdefault(issue.row["parent_issue_id"], []).append(issue.id)
        return found

    @cached_property
    def links(self) -> dict[int, list[tuple[Row, str, int]]]:
        """Each issue's links: (row, `inwardIssue` or `outwardIssue`, the other issue)."""
        found: dict[int, list[tuple[Row, str, int]]] = {}
        for row in sorted(self.book.rows("issue_links"), key=lambda row: row["link_id"]):
            one, other = row["from_issue_id"], row["to_issue_id"]
            if one in self.issues and other in self.issues:
                found.setdefault(one, []).append((row, "outwardIssue", other))
                found.setdefault(other, []).append((row, "inwardIssue", one))
        return found

    # --- names

    def status_name(self, status_id: int) -> str:
        entity = self.statuses.get(status_id)
        return entity.row["name"] if entity else str(status_id)

    def category(self, status_id: int) -> str:
        entity = self.statuses.get(status_id)
        return entity.row["category"] if entity else "indeterminate"

    def staff_name(self, staff_id: int | None) -> str:
        row = self.staff.get(staff_id) if staff_id is not None else None
        return row["name"] if row else ""

    def key(self, issue_id: int) -> str:
        issue = self.issues.get(issue_id)
        return issue.key if issue else str(issue_id)

    def sprint_name(self, sprint_id: int) -> str:
        row = self.sprints.get(sprint_id)
        return row["name"] if row else str(sprint_id)

    def version_name(self, version_id: int) -> str:
        row = self.versions.get(version_id)
        return row["name"] if row else str(version_id)

    def level(self, type_id: int) -> int:
        row = self.types.get(type_id)
        return row["hierarchy_level"] if row else 0

    # --- showing

    def show_user(self, staff_id: int | None) -> dict[str, Any] | None:
        if staff_id is None or staff_id not in self.staff:
            return None
        if staff_id not in self._users:
            row = self.staff[staff_id]
            left = row["active_to"] is not None and row["active_to"] <= self.book.now
            user: dict[str, Any] = {
                "self": f"{API}/user?accountId={account_id(staff_id)}",
                "accountId": account_id(staff_id),
                "emailAddress": row["email"],
                "displayName": row["name"],
                "active": not left,
                "timeZone": row["time_zone"],
                "accountType": "atlassian",
            }
            if self.hide_emails_every and staff_id % self.hide_emails_every == 0:
                del user["emailAddress"]
            self._users[staff_id] = user
        return self._users[staff_id]

    @cached_property
    def users(self) -> list[dict[str, Any]]:
        """Everyone of the site: inactive ones and an app included."""
        app = {
            "self": f"{API}/user?accountId={APP_USER}",
            "accountId": APP_USER,
            "displayName": "Automation for Jira",
            "active": True,
            "timeZone": "UTC",
            "accountType": "app",
        }
        people = [self.show_user(staff_id) for staff_id in self.staff]
        return [app, *(user for user in people if user is not None)]

    def show_type(self, type_id: int) -> dict[str, Any]:
        row = self.types.get(type_id, {"name": str(type_id), "hierarchy_level": 0})
        return {
            "self": f"{API}/issuetype/{type_id}",
            "id": str(type_id),
            "description": "",
            "name": row["name"],
            "subtask": row["hierarchy_level"] < 0,
            "hierarchyLevel": row["hierarchy_level"],
        }

    def show_project_brief(self, project_id: int) -> dict[str, Any]:
        row = self.projects.get(project_id, {"key": "?", "name": "?", "is_team_managed": False})
        return {
            "self": f"{API}/project/{project_id}",
            "id": str(project_id),
            "key": row["key"],
            "name": row["name"],
            "projectTypeKey": "software",
            "simplified": row["is_team_managed"],
        }

    def show_project(self, row: Row) -> dict[str, Any]:
        return {
            **self.show_project_brief(row["project_id"]),
            "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight",
            "description": "",
            "lead": None,
            "projectKeys": [row["key"]],
            "style": "next-gen" if row["is_team_managed"] else "classic",
            "isPrivate": False,
            "archived": False,
            "properties": {},
        }

    def show_status(self, status_id: int) -> dict[str, Any]:
        if status_id not in self._statuses:
            category = CATEGORIES[self.category(status_id)]
            self._statuses[status_id] = {
                "self": f"{API}/status/{status_id}",
                "description": "",
                "iconUrl": f"{SITE}/images/icons/statuses/generic.png",
                "name": self.status_name(status_id),
                "untranslatedName": self.status_name(status_id),
                "id": str(status_id),
                "statusCategory": {"self": f"{API}/statuscategory/{category['id']}", **category},
            }
        return self._statuses[status_id]

    def show_status_entry(self, entity: Entity) -> dict[str, Any]:
        """A status of the list, with the project that it is of when a team manages it."""
        shown = dict(self.show_status(entity.id))
        project = entity.row["project_id"]
        if project is not None:
            shown["scope"] = {"type": "PROJECT", "project": {"id": str(project)}}
        return shown

    @staticmethod
    def show_priority(name: str | None) -> dict[str, Any] | None:
        if name is None:
            return None
        number = PRIORITIES.get(name, "3")
        return {
            "self": f"{API}/priority/{number}",
            "iconUrl": f"{SITE}/images/icons/priorities/{name.lower()}.svg",
            "name": name,
            "id": number,
        }

    @staticmethod
    def show_resolution(name: str | None) -> dict[str, Any] | None:
        if not name:
            return None
        number = RESOLUTIONS.get(name, "10009")
        return {"self": f"{API}/resolution/{number}", "id": number, "description": "", "name": name}

    def is_released(self, row: Row) -> bool:
        return row["released_at"] is not None and row["released_at"] <= self.book.now

    def show_version(self, row: Row) -> dict[str, Any]:
        """A version; on release its date becomes the day of the release in the user's zone."""
        released = self.is_released(row)
        release_on = row["release_on"]
        if released:
            release_on = row["released_at"].replace(tzinfo=UTC).astimezone(self.zone).date()
        shown = {
            "self": f"{API}/version/{row['version_id']}",
            "id": str(row["version_id"]),
            "description": "",
            "name": row["name"],
            "archived": False,
            "released": released,
            "startDate": row["starts_on"].isoformat() if row["starts_on"] else None,
            "releaseDate": release_on.isoformat() if release_on else None,
            "overdue": None if released or not release_on else release_on < self.book.now.date(),
            "projectId": row["project_id"],
        }
        return {name: value for name, value in shown.items() if value is not None}

    def show_version_brief(self, version_id: int) -> dict[str, Any]:
        row = self.versions.get(version_id)
        if row is None:
            return {"self": f"{API}/version/{version_id}", "id": str(version_id), "name": str(version_id)}
        shown = self.show_version(row)
        return {
            name: shown[name]
            for name in ("self", "id", "description", "name", "archived", "released", "releaseDate")
            if name in shown
        }

    def sprint_state(self, row: Row) -> str:
        if row["starts_at"] is None or row["starts_at"] > self.book.now:
            return "future"
        return (
            "closed" if row["completes_at"] is not None and row["completes_at"] <= self.book.now else "active"
        )

    def show_sprint(self, row: Row) -> dict[str, Any]:
        def say(moment: datetime | None) -> str | None:
            return f"{moment.isoformat(timespec='milliseconds')}Z" if moment else None

        state = self.sprint_state(row)
        shown = {
            "id": row["sprint_id"],
            "self": f"{AGILE}/sprint/{row['sprint_id']}",
            "state": state,
            "name": row["name"],
            "startDate": say(row["starts_at"]),
            "endDate": say(row["ends_at"]),
            "completeDate": say(row["completes_at"]) if state == "closed" else None,
            "activatedDate": say(row["starts_at"]) if state != "future" else None,
            "createdDate": say(row["created_at"]),
            "originBoardId": row["board_id"],
            "goal": row["goal"] or "",
        }
        return {name: value for name, value in shown.items() if value is not None}

    def show_sprint_field(self, sprint_id: int) -> dict[str, Any]:
        """A sprint as the issue's field shows it."""
        shown = self.show_sprint(self.sprints[sprint_id])
        shown["boardId"] = shown.pop("originBoardId")
        for name in ("self", "createdDate", "activatedDate"):
            shown.pop(name, None)
        return shown

    def show_board(self, row: Row) -> dict[str, Any]:
        project = self.projects.get(row["project_id"])
        shown: dict[str, Any] = {
            "id": row["board_id"],
            "self": f"{AGILE}/board/{row['board_id']}",
            "name": row["name"],
            "type": row["kind"],
            "isPrivate": False,
        }
        if project:
            shown["location"] = {
                "projectId": project["project_id"],
                "displayName": f"{project['name']} ({project['key']})",
                "projectName": project["name"],
                "projectKey": project["key"],
                "projectTypeKey": "software",
                "name": f"{project['name']} ({project['key']})",
            }
        return shown

    def show_related(self, issue: Issue) -> dict[str, Any]:
        """A parent, sub-task or linked issue as another issue shows it."""
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": f"{API}/issue/{issue.id}",
            "fields": {
                "summary": issue.row["summary"],
                "status": self.show_status(issue.row["status_id"]),
                "priority": self.show_priority(issue.row["priority"]),
                "issuetype": self.show_type(issue.row["issue_type_id"]),
            },
        }

    def show_links(self, issue_id: int) -> list[dict[str, Any]]:
        return [
            {
                "id": str(row["link_id"]),
                "self": f"{API}/issueLink/{row['link_id']}",
                "type": LINK_TYPES.get(row["kind"], LINK_TYPES["Relates"]),
                direction: self.show_related(self.issues[other]),
            }
            for row, direction, other in self.links.get(issue_id, [])
        ]

    def show_comment(self, row: Row, version: int) -> dict[str, Any]:
        author = self.show_user(row["author_staff_id"])
        return {
            "self": f"{API}/issue/{row['issue_id']}/comment/{row['comment_id']}",
            "id": str(row["comment_id"]),
            "author": author,
            "body": to_document(row["text"]) if version == 3 else to_wiki(row["text"]),
            "updateAuthor": author,
            "created": self.local(row["created_at"]),
            "updated": self.local(row["created_at"]),
            "jsdPublic": True,
        }

    def show_worklog(self, row: Row) -> dict[str, Any]:
        author = self.show_user(row["staff_id"])
        return {
            "self": f"{API}/issue/{row['issue_id']}/worklog/{row['worklog_id']}",
            "id": str(row["worklog_id"]),
            "issueId": str(row["issue_id"]),
            "author": author,
            "updateAuthor": author,
            "comment": None,
            "created": self.local(row["created_at"]),
            "updated": self.local(row["created_at"]),
            "started": self.local(row["started_at"]),
            "timeSpent": f"{row['seconds'] // 60}m",
            "timeSpentSeconds": row["seconds"],
        }

    def show_history(self, history: History, *, in_millis: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": str(history.id)}
        author = self.show_user(history.by)
        if author:
            shown["author"] = author
        shown["created"] = millis(history.at) if in_millis else self.local(history.at)
        shown["items"] = history.items
        return shown

    def items(self, change: Change) -> list[dict[str, Any]]:
        """A change of the world as items of a changelog."""
        before, after = change.before, change.after
        past, new = change.row.get("from_label"), change.row.get("to_label")

        def item(
            field: str, field_id: str, kind: str, was: Any, was_label: Any, now: Any, now_label: Any
        ) -> dict[str, Any]:
            return {
                "field": field,
                "fieldtype": kind,
                "fieldId": field_id,
                "from": was,
                "fromString": was_label,
                "to": now,
                "toString": now_label,
            }

        def text(value: Any) -> str | None:
            return None if value is None else str(value)

        match change.field:
            case "status_id":
                labels = (past or self.status_name(before), new or self.status_name(after))
                return [item("status", "status", "jira", text(before), labels[0], text(after), labels[1])]
            case "assignee_staff_id":
                one = None if before is None else account_id(before)
                other = None if after is None else account_id(after)
                return [
                    item(
                        "assignee",
                        "assignee",
                        "jira",
                        one,
                        self.staff_name(before) or None,
                        other,
                        self.staff_name(after) or None,
                    )
                ]
            case "story_points":
                return [
                    item("Story Points", STORY_POINTS, "custom", None, _points(before), None, _points(after))
                ]
            case "priority":
                return [
                    item(
                        "priority",
                        "priority",
                        "jira",
                        PRIORITIES.get(before),
                        before,
                        PRIORITIES.get(after),
                        after,
                    )
                ]
            case "sprint_ids":
                left, right = ids_of(before), ids_of(after)
                return [
                    item(
                        "Sprint",
                        SPRINT,
                        "custom",
                        ", ".join(map(str, left)),
                        ", ".join(map(self.sprint_name, left)),
                        ", ".join(map(str, right)),
                        ", ".join(map(self.sprint_name, right)),
                    )
                ]
            case "fix_version_ids":
                left, right = ids_of(before), ids_of(after)
                gone = [
                    item("Fix Version", "fixVersions", "jira", str(v), self.version_name(v), None, None)
                    for v in left
                    if v not in right
                ]
                come = [
                    item("Fix Version", "fixVersions", "jira", None, None, str(v), self.version_name(v))
                    for v in right
                    if v not in left
                ]
                return gone + come
            case "parent_issue_id":
                one_key = None if before is None else self.key(before)
                other_key = None if after is None else self.key(after)
                return [
                    item(
                        "IssueParentAssociation",
                        "parent",
                        "jira",
                        text(before),
                        one_key,
                        text(after),
                        other_key,
                    )
                ]
            case "is_flagged":
                was, now = (
                    (f"[{IMPEDIMENT}]", "Impediment") if flag else ("", "") for flag in (before, after)
                )
                return [item("Flagged", FLAGGED, "custom", was[0], was[1], now[0], now[1])]
            case "resolution":
                return [
                    item(
                        "resolution",
                        "resolution",
                        "jira",
                        RESOLUTIONS.get(before),
                        before,
                        RESOLUTIONS.get(after),
                        after,
                    )
                ]
            case "summary":
                return [item("summary", "summary", "jira", None, before, None, after)]
            case "project_id":
                names = [
                    self.projects[one]["name"] if one in self.projects else None for one in (before, after)
                ]
                return [item("project", "project", "jira", text(before), names[0], text(after), names[1])]
            case "key":
                return [item("Key", "issuekey", "jira", None, before, None, after)]
        return []


def _points(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if float(value).is_integer() else str(value)
