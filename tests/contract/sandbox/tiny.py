"""A tiny world in which every row has a reason, and how it is written to disk.

Belongs here: rows. Does not belong here: how the app is called (`wiring.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.sandbox.world.schema import SCHEMA_VERSION, TABLES
from ingestion.sandbox.world.world import World

NOW = datetime(2026, 10, 5, 6, 0)
START = datetime(2026, 1, 5, 12, 0)
_DEFAULTS: dict[str, Any] = {"int64": 0, "string": "", "double": 0.0, "bool": False, "timestamp[us]": START}


def day(number: float) -> datetime:
    """So many days after the tiny world's start."""
    return START + timedelta(days=number)


def write_world(folder: Path, tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> World:
    """A world of the rows given; what a row leaves out is null where it may be, else a neutral value."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        schema = TABLES[name]
        full = []
        for row in rows:
            unknown = set(row) - set(schema.names)
            assert not unknown, f"{name} has no {unknown}"
            made = {}
            for column in schema:
                default = None if column.nullable else _DEFAULTS.get(str(column.type), START.date())
                made[column.name] = row.get(column.name, default)
            for moment in ("created_at", "changed_at", "occurred_at", "answered_at", "rated_at", "signed_at"):
                if "visible_at" not in row and moment in row:
                    made["visible_at"] = row[moment]
            full.append(made)
        pq.write_table(pa.Table.from_pylist(full, schema=schema), folder / "tables" / f"{name}.parquet")
    (folder / "world.json").write_text(
        json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "seed": 0,
                "as_of": f"{NOW.isoformat()}Z",
                "starts_at": f"{START.isoformat()}Z",
                "ends_at": f"{(NOW + timedelta(days=30)).isoformat()}Z",
                "time_zone": "America/Sao_Paulo",
                "reporting_currency": "USD",
                "own_domain": "norte.example",
                "person_key_secret": "s",
            }
        )
    )
    return World.load(folder)


def change(
    number: int, key: str, entity: int, name: str, before: Any, after: Any, at: datetime, **more: Any
) -> dict[str, Any]:
    """A row of a `*_changes` table."""
    return {
        "change_id": number,
        key: entity,
        "field": name,
        "from_value": None if before is None else str(before),
        "to_value": None if after is None else str(after),
        "changed_at": at,
        "changed_by_staff_id": 1,
        **more,
    }


def tiny_tables() -> dict[str, list[dict[str, Any]]]:
    """The rows; the tests name them by what happened to them."""
    accounts = [
        {
            "account_id": 100 + n,
            "name": f"Account {n}",
            "domain": f"account{n}.example",
            "country": "BR",
            "segment": "smb",
            "owner_staff_id": 1,
            "created_at": day(n / 10),
        }
        for n in range(1, 13)
    ]
    people = [
        {
            "person_id": 200 + n,
            "account_id": 100 + n,
            "name": f"Ana Souza {n}",
            "email": f"ana@account{n}.example",
            "language": "pt",
            "created_at": day(1 + n / 10),
        }
        for n in range(1, 13)
    ]
    deals = [
        {
            "deal_id": 300 + n,
            "account_id": 100 + n,
            "name": f"Deal {n}",
            "deal_type": "new_business",
            "pipeline_id": 1,
            "stage_id": 11,
            "owner_staff_id": 1,
            "amount": 1200.5,
            "currency": "USD",
            "expected_close_on": day(60).date(),
            "created_at": day(2 + n / 10),
        }
        for n in range(1, 13)
    ]
    deal = "deal_id"
    tickets = [
        {
            "ticket_id": 400 + n,
            "account_id": 100 + n,
            "requester_person_id": 200 + n,
            "subject": f"Help {n}",
            "text": "It does not work",
            "channel": "email",
            "status": "new",
            "group_team_id": 1,
            "tags": "vip",
            "is_ai_agent": n == 12,
            "created_at": day(10 + n),
        }
        for n in range(1, 13)
    ]
    ticket = "ticket_id"
    issues = [
        {
            "issue_id": 10_000 + n,
            "project_id": 10_001,
            "number": n,
            "issue_type_id": 1,
            "summary": f"Work {n}",
            "description": "First line\n\n- one\n- two",
            "status_id": 1,
            "priority": "Medium",
            "reporter_staff_id": 1,
            "story_points": 3.0,
            "labels": "a;b",
            "fix_version_ids": "70",
            "sprint_ids": "50",
            "created_at": day(20) + timedelta(minutes=n),
        }
        for n in range(1, 13)
    ]
    issue = "issue_id"
    histories = [
        change(
            9000 + n,
            issue,
            10_003,
            "priority",
            "Medium" if n % 2 else "High",
            "High" if n % 2 else "Medium",
            day(30) + timedelta(minutes=n),
            history_id=9000 + n,
        )
        for n in range(1, 61)
    ]
    return {
        "teams": [
            {"team_id": 1, "name": "Support", "kind": "support"},
            {"team_id": 2, "name": "Core", "kind": "delivery"},
        ],
        "staff": [
            {
                "staff_id": 1,
                "name": "Bia Lima",
                "email": "bia@norte.example",
                "role": "sales",
                "team_id": 1,
                "time_zone": "America/Sao_Paulo",
                "active_from": START,
            },
            {
                "staff_id": 2,
                "name": "Gone Person",
                "email": "gone@norte.example",
                "role": "csm",
                "team_id": 1,
                "time_zone": "UTC",
                "active_from": START,
                "active_to": day(50),
            },
            {
                "staff_id": 3,
                "name": "Agent One",
                "email": "agent@norte.example",
                "role": "support_agent",
                "team_id": 1,
                "time_zone": "Europe/Berlin",
                "active_from": START,
            },
            {
                "staff_id": 4,
                "name": "Helper Bot",
                "email": "bot@norte.example",
                "role": "support_bot",
                "team_id": 1,
                "time_zone": "UTC",
                "active_from": START,
            },
        ],
        "plans": [{"plan_id": 1, "name": "Growth", "is_recurring": True, "list_price_monthly": 20.0}],
        "accounts": accounts,
        "account_changes": [
            change(1, "account_id", 101, "segment", "smb", "enterprise", day(40)),
            change(2, "account_id", 102, "merged_into", None, 103, day(41)),
            change(3, "account_id", 104, "deleted", None, "true", day(250)),
            change(4, "account_id", 105, "name", "Account 5", "Account Five", NOW + timedelta(hours=1)),
        ],
        "people": people,
        "person_changes": [
            change(1, "person_id", 202, "merged_into", None, 203, day(42)),
            change(2, "person_id", 205, "email", "ana@account5.example", "ana.new@account5.example", day(43)),
        ],
        "pipelines": [{"pipeline_id": 1, "name": "Sales"}],
        "deal_stages": [
            {"stage_id": 11, "pipeline_id": 1, "name": "Open", "position": 0, "probability": 0.2},
            {
                "stage_id": 12,
                "pipeline_id": 1,
                "name": "Won",
                "position": 1,
                "probability": 1.0,
                "is_closed": True,
                "is_won": True,
            },
        ],
        "deals": deals,
        "deal_changes": [
            change(1, deal, 301, "amount", 1200.5, 1500.0, day(20)),
            change(2, deal, 301, "expected_close_on", "2026-03-06", "2026-03-20", day(21)),
            change(3, deal, 301, "stage_id", 11, 12, day(70)),
            change(4, deal, 301, "closed_at", None, day(70).isoformat(), day(70)),
            change(5, deal, 302, "deleted", None, "true", day(260)),
            change(6, deal, 303, "deleted", None, "true", day(30)),
            *(
                change(100 + n, deal, 304, "amount", 1000 + n, 1001 + n, day(30) + timedelta(hours=n))
                for n in range(30)
            ),
        ],
        "contracts": [
            {
                "contract_id": 501,
                "deal_id": 301,
                "account_id": 101,
                "plan_id": 1,
                "quantity": 10,
                "amount": 2400.0,
                "currency": "USD",
                "is_recurring": True,
                "term_months": 12,
                "starts_on": day(70).date(),
                "ends_on": day(435).date(),
                "signed_at": day(70),
            },
            {
                "contract_id": 502,
                "deal_id": 301,
                "account_id": 101,
                "plan_id": 1,
                "quantity": 1,
                "amount": 500.0,
                "currency": "USD",
                "is_recurring": False,
                "starts_on": day(70).date(),
                "signed_at": day(70),
            },
        ],
        "notes": [
            {
                "note_id": 601,
                "account_id": 101,
                "deal_id": 301,
                "person_id": 201,
                "author_staff_id": 1,
                "kind": "note",
                "text": "They want <export>\nby May",
                "created_at": day(25),
            },
        ],
        "survey_responses": [
            {
                "response_id": 701,
                "survey": "nps",
                "person_id": 202,
                "account_id": 102,
                "score": 9,
                "text": "Good",
                "answered_at": day(33),
            },
        ],
        "tickets": tickets,
        "ticket_changes": [
            change(1, ticket, 401, "status", "new", "open", day(11) + timedelta(minutes=10)),
            change(2, ticket, 401, "assignee_staff_id", None, 3, day(11) + timedelta(minutes=10)),
            change(3, ticket, 401, "status", "open", "pending", day(11) + timedelta(minutes=40)),
            change(4, ticket, 401, "status", "pending", "solved", day(11) + timedelta(minutes=100)),
            change(5, ticket, 401, "status", "solved", "open", day(12)),
            change(6, ticket, 401, "status", "open", "solved", day(12) + timedelta(minutes=30)),
            change(7, ticket, 402, "merged_into", None, 403, day(14)),
            change(8, ticket, 404, "deleted", None, "true", day(250)),
            change(9, ticket, 405, "status", "new", "closed", day(16)),
            change(10, ticket, 406, "priority", None, "high", NOW - timedelta(seconds=30)),
        ],
        "ticket_comments": [
            *(
                {
                    "comment_id": 4000 + n,
                    "ticket_id": 400 + n,
                    "author_kind": "person",
                    "author_id": 200 + n,
                    "is_public": True,
                    "text": "It does not work",
                    "created_at": day(10 + n),
                }
                for n in range(1, 13)
            ),
            {
                "comment_id": 4101,
                "ticket_id": 401,
                "author_kind": "bot",
                "author_id": 4,
                "is_public": True,
                "is_auto_reply": True,
                "text": "We got it",
                "created_at": day(11) + timedelta(minutes=1),
            },
            {
                "comment_id": 4102,
                "ticket_id": 401,
                "author_kind": "staff",
                "author_id": 3,
                "is_public": True,
                "text": "Try again",
                "created_at": day(11) + timedelta(minutes=20),
            },
        ],
        "ticket_ratings": [
            {
                "rating_id": 801,
                "ticket_id": 401,
                "person_id": 201,
                "score": "good",
                "text": "Thanks",
                "rated_at": day(13),
            },
            {"rating_id": 802, "ticket_id": 405, "person_id": 205, "score": "bad", "rated_at": day(17)},
        ],
        "ticket_issue_links": [{"link_id": 901, "ticket_id": 401, "issue_id": 10_001, "created_at": day(22)}],
        "events": [
            {
                "event_id": 1,
                "person_id": 201,
                "device_id": "d-1",
                "account_id": 101,
                "name": "Report Viewed",
                "occurred_at": day(10),
                "visible_at": day(10) + timedelta(minutes=1),
                "properties": '{"plan":"pro"}',
            },
            {
                "event_id": 2,
                "device_id": 'd-"2"',
                "name": "Logged In",
                "occurred_at": day(10),
                "properties": "{}",
            },
            {
                "event_id": 3,
                "person_id": 201,
                "device_id": "d-1",
                "account_id": 101,
                "name": "Feature Used",
                "feature": "reports",
                "occurred_at": day(11),
                "visible_at": day(14),
                "properties": "{}",
            },
            {
                "event_id": 4,
                "staff_id": 1,
                "is_staff": True,
                "device_id": "s-1",
                "name": "Logged In",
                "occurred_at": datetime(2026, 1, 20, 1, 30),
                "properties": "{}",
            },
            *(
                {
                    "event_id": 100 + n,
                    "person_id": 203,
                    "device_id": "d-3",
                    "account_id": 103,
                    "name": "Logged In",
                    "occurred_at": day(60) + timedelta(minutes=n),
                    "properties": "{}",
                }
                for n in range(50)
            ),
        ],
        "duplicate_events": [{"event_id": 1, "visible_at": day(10) + timedelta(hours=2)}],
        "incidents": [
            {
                "incident_id": 1,
                "title": "Exports down",
                "severity": 1,
                "feature": "reports",
                "started_at": day(44),
                "ended_at": day(45),
                "visible_at": day(44),
            },
        ],
        "projects": [
            {"project_id": 10_001, "key": "PRD", "name": "Product", "team_id": 2},
            {"project_id": 10_002, "key": "OPS", "name": "Operations", "team_id": 2, "is_team_managed": True},
        ],
        "statuses": [
            {"status_id": 1, "name": "A fazer", "category": "new"},
            {"status_id": 3, "name": "Em andamento", "category": "indeterminate"},
            {"status_id": 5, "project_id": 10_002, "name": "Feito", "category": "done"},
        ],
        "status_changes": [change(1, "status_id", 5, "name", "Feito", "Entregue", day(100))],
        "issue_types": [
            {"issue_type_id": 1, "name": "Story", "hierarchy_level": 0},
            {"issue_type_id": 2, "name": "Epic", "hierarchy_level": 1},
        ],
        "boards": [
            {"board_id": 1, "project_id": 10_001, "name": "PRD board", "kind": "scrum"},
            {"board_id": 2, "project_id": 10_002, "name": "OPS board", "kind": "kanban"},
        ],
        "sprints": [
            {
                "sprint_id": 50,
                "board_id": 1,
                "name": "Sprint 1",
                "starts_at": day(20),
                "ends_at": day(34),
                "completes_at": day(34),
                "created_at": day(19),
            },
            {
                "sprint_id": 51,
                "board_id": 1,
                "name": "Sprint 2",
                "starts_at": NOW - timedelta(days=3),
                "ends_at": NOW + timedelta(days=11),
                "completes_at": NOW + timedelta(days=11),
                "created_at": day(34),
            },
            {
                "sprint_id": 52,
                "board_id": 1,
                "name": "Sprint 3",
                "starts_at": NOW + timedelta(days=11),
                "ends_at": NOW + timedelta(days=25),
                "completes_at": NOW + timedelta(days=25),
                "created_at": day(35),
            },
        ],
        "versions": [
            {
                "version_id": 70,
                "project_id": 10_001,
                "name": "1.0",
                "starts_on": day(20).date(),
                "release_on": day(40).date(),
                "released_at": datetime(2026, 2, 20, 1, 0),
            },
            {
                "version_id": 71,
                "project_id": 10_001,
                "name": "1.1",
                "starts_on": day(60).date(),
                "release_on": (NOW + timedelta(days=9)).date(),
                "released_at": NOW + timedelta(days=9),
            },
        ],
        "issues": issues,
        "issue_changes": [
            change(
                1,
                issue,
                10_001,
                "status_id",
                1,
                3,
                day(21),
                history_id=1,
                from_label="To do",
                to_label="Doing",
            ),
            change(2, issue, 10_001, "assignee_staff_id", None, 3, day(21), history_id=1),
            change(3, issue, 10_001, "status_id", 3, 5, day(23), history_id=2, to_label="Feito"),
            change(4, issue, 10_001, "resolution", None, "Done", day(23), history_id=2),
            change(5, issue, 10_002, "project_id", 10_001, 10_002, day(24), history_id=3),
            change(6, issue, 10_002, "key", "PRD-2", "OPS-1", day(24), history_id=3),
            change(7, issue, 10_004, "deleted", None, "true", day(25), history_id=4),
            change(8, issue, 10_005, "sprint_ids", "50", "50;51", day(35), history_id=5),
            change(9, issue, 10_005, "fix_version_ids", "70", "70;71", day(35), history_id=5),
            change(10, issue, 10_005, "is_flagged", "false", "true", day(36), history_id=6),
            change(11, issue, 10_005, "story_points", 3.0, 5.0, day(37), history_id=7),
            *histories,
        ],
        "issue_comments": [
            {
                "comment_id": 3001,
                "issue_id": 10_006,
                "author_staff_id": 3,
                "text": "Looks good",
                "created_at": day(26),
            },
        ],
        "issue_links": [
            {
                "link_id": 1,
                "from_issue_id": 10_006,
                "to_issue_id": 10_007,
                "kind": "Blocks",
                "created_at": day(27),
            },
        ],
        "worklogs": [
            {
                "worklog_id": 1,
                "issue_id": 10_006,
                "staff_id": 3,
                "seconds": 3600,
                "started_at": day(26),
                "created_at": day(26),
            },
            {
                "worklog_id": 2,
                "issue_id": 10_012,
                "staff_id": 3,
                "seconds": 60,
                "started_at": NOW,
                "created_at": NOW - timedelta(seconds=20),
            },
            {
                "worklog_id": 3,
                "issue_id": 10_004,
                "staff_id": 3,
                "seconds": 60,
                "started_at": day(22),
                "created_at": day(22),
            },
        ],
    }
