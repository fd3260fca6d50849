"""The world as Jira Data Center's objects: what it says otherwise than Cloud.

Belongs here: users by key, epics by link, sprints as text, fields by name. Does not belong here: paths,
pages, limits (`__init__.py`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ingestion.sandbox.snapshot import Change, Entity, Row
from ingestion.sandbox.vendors.jira.tracker import SPRINT, STORY_POINTS, Issue, Tracker

EPIC_LINK = "customfield_10014"
PARENT_LINK = "customfield_10018"
SITE = "https://jira.norte-sandbox.example"
API = f"{SITE}/rest/api/2"
_CLOUD_ONLY_FIELDS = ("statuscategorychangedate", "parent")


def user_key(staff_id: int) -> str:
    return f"JIRAUSER{10000 + staff_id}"


class ServerTracker(Tracker):
    """Data Center's database of a snapshot."""

    def show_user(self, staff_id: int | None) -> dict[str, Any] | None:
        if staff_id is None or staff_id not in self.staff:
            return None
        if staff_id not in self._users:
            row = self.staff[staff_id]
            left = row["active_to"] is not None and row["active_to"] <= self.book.now
            name = row["email"].partition("@")[0]
            self._users[staff_id] = {
                "self": f"{API}/user?username={name}",
                "name": name,
                "key": user_key(staff_id),
                "emailAddress": row["email"],
                "displayName": row["name"],
                "active": not left,
                "timeZone": row["time_zone"],
            }
        return self._users[staff_id]

    @cached_property
    def users(self) -> list[dict[str, Any]]:
        """Everyone of the site, inactive ones included; there are no apps."""
        return [user for staff_id in self.staff if (user := self.show_user(staff_id)) is not None]

    def show_type(self, type_id: int) -> dict[str, Any]:
        shown = {**super().show_type(type_id), "self": f"{API}/issuetype/{type_id}"}
        del shown["hierarchyLevel"]
        return shown

    def show_status_entry(self, entity: Entity) -> dict[str, Any]:
        return dict(self.show_status(entity.id))

    def show_status(self, status_id: int) -> dict[str, Any]:
        shown = dict(super().show_status(status_id))
        shown.pop("untranslatedName", None)
        return shown

    def show_project(self, row: Row) -> dict[str, Any]:
        return {
            "expand": "description,lead,url,projectKeys",
            "self": f"{API}/project/{row['project_id']}",
            "id": str(row["project_id"]),
            "key": row["key"],
            "name": row["name"],
            "projectTypeKey": "software",
            "archived": False,
        }

    def show_project_brief(self, project_id: int) -> dict[str, Any]:
        shown = super().show_project_brief(project_id)
        del shown["simplified"]
        return shown

    def show_sprint_text(self, sprint_id: int) -> str:
        """A sprint as older versions show it in the issue's field."""
        shown = self.show_sprint(self.sprints[sprint_id])
        parts = {
            "id": shown["id"],
            "rapidViewId": shown["originBoardId"],
            "state": shown["state"].upper(),
            "name": shown["name"],
            "startDate": shown.get("startDate", "<null>"),
            "endDate": shown.get("endDate", "<null>"),
            "completeDate": shown.get("completeDate", "<null>"),
            "sequence": shown["id"],
        }
        text = ",".join(f"{name}={value}" for name, value in parts.items())
        return f"com.atlassian.greenhopper.service.sprint.Sprint@{sprint_id:x}[{text}]"

    def fields(self, issue: Issue) -> dict[str, Any]:
        """All fields in version 2's form."""
        row = issue.row
        shown = {name: value for name, value in issue.fields(2).items() if name not in _CLOUD_ONLY_FIELDS}
        shown[SPRINT] = [
            self.show_sprint_text(one["id"]) for one in shown[SPRINT] or [] if one["id"] in self.sprints
        ] or None
        parent = self.issues.get(row["parent_issue_id"]) if row["parent_issue_id"] is not None else None
        shown[EPIC_LINK] = shown[PARENT_LINK] = None
        if parent and self.level(row["issue_type_id"]) < 0:
            shown["parent"] = self.show_related(parent)
        elif parent and self.level(parent.row["issue_type_id"]) == 1:
            shown[EPIC_LINK] = parent.key
        elif parent:
            shown[PARENT_LINK] = parent.key
        return shown

    def items(self, change: Change) -> list[dict[str, Any]]:
        """Without the fields' ids; people by key, epics by link."""
        shown = []
        for item in super().items(change):
            item = {name: value for name, value in item.items() if name != "fieldId"}
            if change.field == "assignee_staff_id":
                item["from"] = None if change.before is None else user_key(change.before)
                item["to"] = None if change.after is None else user_key(change.after)
            elif change.field == "parent_issue_id":
                item["field"], item["fieldtype"] = "Epic Link", "custom"
            shown.append(item)
        return shown


def as_server_fields(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cloud's list of fields as Data Center has it."""

    def custom(field_id: str, name: str, schema: str) -> dict[str, Any]:
        return {
            "id": field_id,
            "name": name,
            "custom": True,
            "orderable": True,
            "navigable": True,
            "searchable": True,
            "clauseNames": [f"cf[{field_id.rpartition('_')[2]}]", name],
            "schema": {"type": "any", "custom": schema, "customId": int(field_id.rpartition("_")[2])},
        }

    shown = []
    for one in fields:
        if one["id"] in _CLOUD_ONLY_FIELDS:
            continue
        if one["id"] == STORY_POINTS:
            schema = {**one["schema"], "custom": "com.atlassian.jira.plugin.system.customfieldtypes:float"}
            one = {**one, "schema": schema}
        shown.append({name: value for name, value in one.items() if name != "key"})
    return [
        *shown,
        custom(EPIC_LINK, "Epic Link", "com.pyxis.greenhopper.jira:gh-epic-link"),
        custom(PARENT_LINK, "Parent Link", "com.atlassian.jpo:jpo-custom-field-parent"),
    ]
