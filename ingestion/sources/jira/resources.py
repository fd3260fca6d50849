"""Raw tables of Jira.

Belongs here: names, keys and typed columns. Does not belong here: how they are read (`streams.py`) or filled
(`records.py`).
"""

from __future__ import annotations

from ingestion.source import Resource

PROJECTS = Resource(
    name="projects",
    key=("project_id",),
    columns={
        "project_id": "text",
        "project_key": "text",
        "name": "text",
        "style": "text",
        "is_archived": "boolean",
    },
    description="Projects, archived and deleted ones too; `style` is classic or next-gen (team-managed).",
)
STATUSES = Resource(
    name="statuses",
    key=("status_id",),
    columns={
        "status_id": "text",
        "name": "text",
        "category_key": "text",
        "scope_project_id": "text",
    },
    description="Statuses as named today, with their category's key (new, indeterminate, done).",
)
ISSUE_TYPES = Resource(
    name="issue_types",
    key=("issue_type_id",),
    columns={"issue_type_id": "text", "name": "text", "hierarchy_level": "bigint"},
    description="Issue types with their level: -1 sub-task, 0 standard, 1 epic, higher above.",
)
FIELDS = Resource(
    name="fields",
    key=("field_id",),
    columns={"field_id": "text", "name": "text", "schema_custom": "text"},
    description="Fields of the site; custom ones tell their type in `schema_custom`.",
)
USERS = Resource(
    name="users",
    key=("account_id",),
    columns={
        "account_id": "text",
        "display_name": "text",
        "email_address": "text",
        "account_type": "text",
        "is_active": "boolean",
        "time_zone": "text",
    },
    personal=("display_name", "email_address"),
    keyed=("email_address",),
    whose={"account_id": ("users",)},
    description="Users, apps and inactive ones included; the e-mail address is often withheld.",
)
BOARDS = Resource(
    name="boards",
    key=("board_id",),
    columns={"board_id": "text", "name": "text", "board_type": "text", "project_id": "text"},
    description="Boards; `board_type` is scrum, kanban or simple (team-managed).",
)
SPRINTS = Resource(
    name="sprints",
    key=("sprint_id",),
    columns={
        "sprint_id": "text",
        "board_id": "text",
        "name": "text",
        "state": "text",
        "start_at": "timestamp",
        "end_at": "timestamp",
        "complete_at": "timestamp",
        "goal": "text",
    },
    description="Sprints of all boards that have them; `board_id` is the board they were made on.",
)
VERSIONS = Resource(
    name="versions",
    key=("version_id",),
    columns={
        "version_id": "text",
        "project_id": "text",
        "name": "text",
        "start_on": "date",
        "release_on": "date",
        "is_released": "boolean",
        "is_archived": "boolean",
    },
    description="Versions (releases) of the projects.",
)
ISSUES = Resource(
    name="issues",
    key=("issue_id",),
    columns={
        "issue_id": "text",
        "issue_key": "text",
        "project_id": "text",
        "project_key": "text",
        "issue_type_id": "text",
        "issue_type_name": "text",
        "hierarchy_level": "bigint",
        "summary": "text",
        "description_text": "text",
        "status_id": "text",
        "status_name": "text",
        "status_category_key": "text",
        "priority": "text",
        "resolution": "text",
        "resolved_at": "timestamp",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "assignee_id": "text",
        "reporter_id": "text",
        "parent_id": "text",
        "story_points": "double",
        "labels": "text",
        "is_flagged": "boolean",
    },
    updated_at="updated_at",
    personal=("summary", "description_text"),
    description="Issues of every type; moves keep the id, deletions are found by an id sweep.",
)
ISSUE_FIX_VERSIONS = Resource(
    name="issue_fix_versions",
    key=("issue_id", "version_id"),
    columns={"issue_id": "text", "version_id": "text"},
    parent="issues",
    description="Fix versions of an issue.",
)
ISSUE_SPRINTS = Resource(
    name="issue_sprints",
    key=("issue_id", "sprint_id"),
    columns={"issue_id": "text", "sprint_id": "text"},
    parent="issues",
    description="Sprints that an issue is or was in, as its sprint field says.",
)
ISSUE_LINKS = Resource(
    name="issue_links",
    key=("issue_id", "link_id"),
    columns={
        "issue_id": "text",
        "link_id": "text",
        "link_type": "text",
        "direction": "text",
        "other_issue_id": "text",
    },
    parent="issues",
    description="Links to other issues, seen from this one: `direction` is outward or inward.",
)
ISSUE_CHANGES = Resource(
    name="issue_changes",
    key=("issue_id", "history_id", "item_index"),
    columns={
        "issue_id": "text",
        "history_id": "text",
        "item_index": "bigint",
        "field": "text",
        "field_id": "text",
        "from_value": "text",
        "from_label": "text",
        "to_value": "text",
        "to_label": "text",
        "changed_at": "timestamp",
        "author_id": "text",
    },
    updated_at="changed_at",
    personal=("from_label", "to_label"),
    description="The changelog, one row per changed field; the labels are the names of that time.",
)

RESOURCES = (
    PROJECTS,
    STATUSES,
    ISSUE_TYPES,
    FIELDS,
    USERS,
    BOARDS,
    SPRINTS,
    VERSIONS,
    ISSUES,
    ISSUE_FIX_VERSIONS,
    ISSUE_SPRINTS,
    ISSUE_LINKS,
    ISSUE_CHANGES,
)
