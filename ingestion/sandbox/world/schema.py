"""The tables of a world: columns, types, nullability, and which table holds whose changes.

Belongs here: what README.md says about tables, as pyarrow schemas. Does not belong here: how a world is made
(generate.py) or read (world.py).
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 1

_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "text": pa.string(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us"),
    "date": pa.date32(),
}


def _schema(*columns: str) -> pa.Schema:
    """A schema from `name type` texts; a type that ends in `?` may be null."""
    fields = []
    for column in columns:
        name, kind = column.split()
        fields.append(pa.field(name, _TYPES[kind.rstrip("?")], nullable=kind.endswith("?")))
    return pa.schema(fields)


def _changes(entity_key: str, *more: str) -> pa.Schema:
    return _schema(
        "change_id int",
        f"{entity_key} int",
        "field text",
        "from_value text?",
        "to_value text?",
        "changed_at time",
        "changed_by_staff_id int?",
        "visible_at time",
        *more,
    )


TABLES: dict[str, pa.Schema] = {
    # company
    "teams": _schema("team_id int", "name text", "kind text", "owner_name text", "visible_at time"),
    "staff": _schema(
        "staff_id int",
        "name text",
        "email text",
        "role text",
        "team_id int",
        "time_zone text",
        "language text",
        "active_from time",
        "active_to time?",
        "visible_at time",
    ),
    "plans": _schema(
        "plan_id int", "name text", "is_recurring bool", "list_price_monthly float", "visible_at time"
    ),
    "incidents": _schema(
        "incident_id int",
        "title text",
        "severity int",
        "feature text?",
        "started_at time",
        "ended_at time",
        "visible_at time",
    ),
    # customers
    "accounts": _schema(
        "account_id int",
        "name text",
        "domain text?",
        "country text",
        "region text",
        "language text",
        "industry text",
        "employee_count int",
        "segment text",
        "owner_staff_id int",
        "is_test bool",
        "created_at time",
        "visible_at time",
        "truth_health float",
        "truth_engagement float",
    ),
    "account_changes": _changes("account_id"),
    "people": _schema(
        "person_id int",
        "account_id int?",
        "name text",
        "email text?",
        "phone text?",
        "language text",
        "job_title text?",
        "created_at time",
        "visible_at time",
    ),
    "person_changes": _changes("person_id"),
    "pipelines": _schema("pipeline_id int", "name text", "visible_at time"),
    "deal_stages": _schema(
        "stage_id int",
        "pipeline_id int",
        "name text",
        "position int",
        "probability float",
        "is_closed bool",
        "is_won bool",
        "visible_at time",
    ),
    "deals": _schema(
        "deal_id int",
        "account_id int",
        "name text",
        "deal_type text",
        "pipeline_id int",
        "stage_id int",
        "owner_staff_id int",
        "amount float",
        "currency text",
        "expected_close_on date",
        "created_at time",
        "visible_at time",
    ),
    "deal_changes": _changes("deal_id"),
    "contracts": _schema(
        "contract_id int",
        "deal_id int",
        "account_id int",
        "plan_id int",
        "quantity int",
        "amount float",
        "currency text",
        "is_recurring bool",
        "term_months int?",
        "starts_on date",
        "ends_on date?",
        "signed_at time",
        "visible_at time",
    ),
    "contract_changes": _changes("contract_id"),
    "notes": _schema(
        "note_id int",
        "account_id int",
        "deal_id int?",
        "person_id int?",
        "author_staff_id int",
        "kind text",
        "text text",
        "language text",
        "created_at time",
        "visible_at time",
        "truth_theme text?",
        "truth_kind text?",
    ),
    "survey_responses": _schema(
        "response_id int",
        "survey text",
        "person_id int",
        "account_id int",
        "score int",
        "text text?",
        "language text",
        "answered_at time",
        "visible_at time",
        "truth_theme text?",
    ),
    # support
    "tickets": _schema(
        "ticket_id int",
        "account_id int?",
        "requester_person_id int",
        "subject text",
        "text text",
        "language text",
        "channel text",
        "ticket_type text?",
        "priority text?",
        "status text",
        "group_team_id int",
        "assignee_staff_id int?",
        "tags text",
        "is_ai_agent bool",
        "created_at time",
        "visible_at time",
        "truth_theme text?",
        "truth_kind text?",
        "truth_incident_id int?",
    ),
    "ticket_changes": _changes("ticket_id"),
    "ticket_comments": _schema(
        "comment_id int",
        "ticket_id int",
        "author_kind text",
        "author_id int",
        "is_public bool",
        "is_auto_reply bool",
        "text text",
        "created_at time",
        "visible_at time",
    ),
    "ticket_ratings": _schema(
        "rating_id int",
        "ticket_id int",
        "person_id int",
        "score text",
        "text text?",
        "rated_at time",
        "visible_at time",
    ),
    "ticket_issue_links": _schema(
        "link_id int", "ticket_id int", "issue_id int", "created_at time", "visible_at time"
    ),
    # product analytics
    "events": _schema(
        "event_id int",
        "person_id int?",
        "device_id text",
        "account_id int?",
        "name text",
        "feature text?",
        "occurred_at time",
        "visible_at time",
        "properties text",
        "is_staff bool",
        "staff_id int?",
    ),
    "duplicate_events": _schema("event_id int", "visible_at time"),
    # delivery
    "projects": _schema(
        "project_id int",
        "key text",
        "name text",
        "team_id int",
        "is_team_managed bool",
        "language text",
        "visible_at time",
    ),
    "statuses": _schema("status_id int", "project_id int?", "name text", "category text", "visible_at time"),
    "status_changes": _changes("status_id"),
    "issue_types": _schema("issue_type_id int", "name text", "hierarchy_level int", "visible_at time"),
    "boards": _schema("board_id int", "project_id int", "name text", "kind text", "visible_at time"),
    "sprints": _schema(
        "sprint_id int",
        "board_id int",
        "name text",
        "starts_at time",
        "ends_at time",
        "completes_at time",
        "goal text?",
        "created_at time",
        "visible_at time",
    ),
    "versions": _schema(
        "version_id int",
        "project_id int",
        "name text",
        "starts_on date?",
        "release_on date?",
        "released_at time?",
        "visible_at time",
    ),
    "issues": _schema(
        "issue_id int",
        "project_id int",
        "number int",
        "issue_type_id int",
        "summary text",
        "description text?",
        "status_id int",
        "priority text",
        "parent_issue_id int?",
        "reporter_staff_id int",
        "assignee_staff_id int?",
        "story_points float?",
        "labels text",
        "fix_version_ids text",
        "sprint_ids text",
        "is_flagged bool",
        "created_at time",
        "visible_at time",
        "truth_delivery text?",
    ),
    "issue_changes": _changes("issue_id", "history_id int", "from_label text?", "to_label text?"),
    "issue_comments": _schema(
        "comment_id int",
        "issue_id int",
        "author_staff_id int",
        "text text",
        "created_at time",
        "visible_at time",
    ),
    "issue_links": _schema(
        "link_id int",
        "from_issue_id int",
        "to_issue_id int",
        "kind text",
        "created_at time",
        "visible_at time",
    ),
    "worklogs": _schema(
        "worklog_id int",
        "issue_id int",
        "staff_id int",
        "seconds int",
        "started_at time",
        "created_at time",
        "visible_at time",
    ),
    # decisions and results
    "objectives": _schema(
        "objective_id text", "name text", "owner text", "starts_on date", "ends_on date", "visible_at time"
    ),
    "key_results": _schema(
        "key_result_id text",
        "objective_id text",
        "name text",
        "metric_id text",
        "segment text?",
        "baseline float",
        "target float",
        "starts_on date",
        "ends_on date",
        "owner text?",
        "visible_at time",
    ),
    "decisions": _schema(
        "decision_id text",
        "title text",
        "decided_on date",
        "decider text",
        "why text",
        "evidence_kind text",
        "evidence text",
        "expected_metric_id text?",
        "expected_change_pct float?",
        "expected_by_on date?",
        "review_on date?",
        "visible_at time",
    ),
    "deliveries": _schema(
        "delivery_id text",
        "name text",
        "epic_issue_id int?",
        "rollout text",
        "assignment_unit text?",
        "feature text?",
        "theme_id text?",
        "released_at time",
        "owner text",
        "metric_ids text",
        "key_result_ids text",
        "decision_ids text",
        "has_adopter_list bool",
        "visible_at time",
    ),
    "exposures": _schema("delivery_id text", "account_id int", "first_exposed_at time", "visible_at time"),
    "assignments": _schema(
        "delivery_id text", "account_id int", "arm int", "assigned_at time", "visible_at time"
    ),
}

CHANGES: dict[str, str] = {
    "accounts": "account_changes",
    "people": "person_changes",
    "deals": "deal_changes",
    "contracts": "contract_changes",
    "tickets": "ticket_changes",
    "statuses": "status_changes",
    "issues": "issue_changes",
}
"""Entity table to the table of its changes."""

CHANGE_ONLY_FIELDS: dict[str, dict[str, str]] = {
    "deals": {"closed_at": "time", "loss_reason": "text", "loss_reason_text": "text"},
    "issues": {"key": "text", "resolution": "text"},
}
"""Fields that exist only in the changes (null at creation; an issue's `key` follows from
project and number)."""

CREATED_AT: dict[str, str] = {
    "accounts": "created_at",
    "people": "created_at",
    "deals": "created_at",
    "contracts": "visible_at",
    "tickets": "created_at",
    "statuses": "visible_at",
    "issues": "created_at",
}
"""The column that says since when an entity exists."""


def key_of(table: str) -> str:
    """The column that identifies a row of an entity table: its first."""
    return TABLES[table].names[0]


def references() -> list[tuple[str, str, str, str]]:
    """(table, column, referenced table, referenced column) for every foreign key between tables."""
    targets = {
        "team_id": "teams",
        "group_team_id": "teams",
        "staff_id": "staff",
        "owner_staff_id": "staff",
        "author_staff_id": "staff",
        "reporter_staff_id": "staff",
        "assignee_staff_id": "staff",
        "changed_by_staff_id": "staff",
        "plan_id": "plans",
        "account_id": "accounts",
        "person_id": "people",
        "requester_person_id": "people",
        "pipeline_id": "pipelines",
        "stage_id": "deal_stages",
        "deal_id": "deals",
        "contract_id": "contracts",
        "ticket_id": "tickets",
        "truth_incident_id": "incidents",
        "event_id": "events",
        "project_id": "projects",
        "status_id": "statuses",
        "issue_type_id": "issue_types",
        "board_id": "boards",
        "issue_id": "issues",
        "parent_issue_id": "issues",
        "from_issue_id": "issues",
        "to_issue_id": "issues",
        "epic_issue_id": "issues",
        "objective_id": "objectives",
        "delivery_id": "deliveries",
    }
    found = []
    for table, schema in TABLES.items():
        for column in schema.names:
            target = targets.get(column)
            if target and not (target == table and column == schema.names[0]):
                found.append((table, column, target, key_of(target)))
    return found
