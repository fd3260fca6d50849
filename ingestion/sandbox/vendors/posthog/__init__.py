"""PostHog: HogQL over events, persons with their ids, the lists that clients ask for.

Belongs here: paths, authentication, limits. Does not belong here: queries (`hogql.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import duckdb

from ingestion.sandbox import credentials
from ingestion.sandbox.faults import Duplicates, LateData, SchemaDrift
from ingestion.sandbox.limits import InFlight, RollingWindow
from ingestion.sandbox.snapshot import Snapshot
from ingestion.sandbox.vendors.posthog.hogql import Delivery, EventTable, HogqlError
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
PROJECT = "/api/{of:projects|environments}/{project}"


class Posthog(Vendor):
    """One project in the US."""

    name = "posthog"
    hosts = ("us.posthog.com", "eu.posthog.com", "app.posthog.com")
    certificate_hosts = hosts
    routes = routes
    delays_single_events = True
    PLAN: ClassVar[Mapping[str, Any]] = {
        "queries_per_minute": 240,
        "queries_per_hour": 2400,
        "in_flight": 3,
        "lists_per_minute": 480,
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.windows = {
            "query": (
                RollingWindow(self.plan["queries_per_minute"], 60),
                RollingWindow(self.plan["queries_per_hour"], 3600),
            ),
            "list": (RollingWindow(self.plan["lists_per_minute"], 60),),
        }
        self.flying = InFlight(self.plan["in_flight"])

    def authenticate(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {credentials.POSTHOG_API_KEY}":
            refused = self.error(401, "authentication_error", "not_authenticated", "Invalid API key.")
            raise Refusal(refused)
        project = call.params.get("project")
        if project not in (None, credentials.POSTHOG_PROJECT_ID, "@current"):
            denied = self.error(403, "authentication_error", "permission_denied", "No access to the project.")
            raise Refusal(denied)

    def meter(self, call: Call) -> None:
        assert call.route is not None
        windows = self.windows["query" if "query" in call.route.tags else "list"]
        verdicts = [window.take(call.at) for window in windows]
        if refused := [one for one in verdicts if not one.allowed]:
            raise Refusal(self.too_many(call, max(1, round(refused[0].resets_in))))

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        reply = self.error(429, "throttled_error", "throttled", "Request was throttled.")
        if retry_after is not None:
            reply.headers["Retry-After"] = str(retry_after)
        return reply

    @staticmethod
    def error(status: int, kind: str, code: str, detail: str) -> Reply:
        return Reply({"type": kind, "code": code, "detail": detail, "attr": None}, status=status)

    def missing(self, call: Call) -> Reply:
        return self.error(404, "invalid_request", "not_found", "Endpoint not found.")

    def broken(self, call: Call, status: int) -> Reply:
        return self.error(status, "server_error", "error", "A server error occurred.")

    # --- queries

    @routes("POST", f"{PROJECT}/query", tags="query")
    def query(self, call: Call) -> Reply:
        asked = call.json.get("query") or {}
        if asked.get("kind") != "HogQLQuery" or not isinstance(asked.get("query"), str):
            return self.error(400, "validation_error", "invalid_input", "Expected a HogQLQuery.")
        people = {name: one["uuid"] for one in self.people(call.book) for name in one["distinct_ids"]}
        ledger = call.book.ledger
        table = EventTable(ledger.path_of("events"), ledger.path_of("duplicate_events"), people)
        try:
            columns, rows = table.run(asked["query"], call.book.now, self.delivery())
        except HogqlError as error:
            return self.error(400, "validation_error", "invalid_input", str(error))
        return Reply(
            {
                "columns": columns,
                "types": [[name, "String"] for name in columns],
                "results": rows,
                "hasMore": False,
                "is_cached": not str(call.json.get("refresh", "")).startswith("force"),
                "timings": [],
            }
        )

    def delivery(self) -> Delivery:
        late = next((fault for fault in self.faults if isinstance(fault, LateData)), None)
        repeated = next((fault for fault in self.faults if isinstance(fault, Duplicates)), None)
        return Delivery(
            late_every=late.every if late else 0,
            late_seconds=late.seconds if late else 0.0,
            repeat_every=repeated.every if repeated else 0,
        )

    # --- lists

    @routes("GET", f"{PROJECT}/persons")
    def list_persons(self, call: Call) -> Reply:
        found = [dict(one) for one in self.people(call.book)]
        for drift in (fault for fault in self.faults if isinstance(fault, SchemaDrift)):
            for one in found:
                drift.change(one)
        return self.page(call, found)

    @staticmethod
    def people(book: Snapshot) -> list[dict[str, Any]]:
        """Everybody whom the product knows, with the ids of their events."""
        return book.view(_people)

    @routes("GET", "/api/projects")
    def list_projects(self, call: Call) -> Reply:
        return self.page(call, [{"id": int(credentials.POSTHOG_PROJECT_ID), "name": "Norte sandbox"}])

    @routes("GET", f"{PROJECT}/groups_types")
    def list_group_types(self, call: Call) -> Reply:
        return Reply([{"group_type": "company", "group_type_index": 0}], items=".")

    @routes("GET", f"{PROJECT}/cohorts", f"{PROJECT}/feature_flags", f"{PROJECT}/insights")
    def list_nothing(self, call: Call) -> Reply:
        return self.page(call, [])

    @routes("GET", f"{PROJECT}/annotations")
    def list_annotations(self, call: Call) -> Reply:
        rows = [
            {
                "id": row["incident_id"],
                "content": row["title"],
                "date_marker": f"{row['started_at'].isoformat()}Z",
                "scope": "project",
            }
            for row in sorted(call.book.rows("incidents"), key=lambda row: row["incident_id"])
        ]
        return self.page(call, rows)

    def page(self, call: Call, rows: Sequence[Any]) -> Reply:
        """A page by limit and offset, with links."""
        try:
            size, at = int(call.query.get("limit") or 100), int(call.query.get("offset") or 0)
        except ValueError:
            return self.error(400, "validation_error", "invalid_input", "limit and offset must be numbers.")
        here = f"{call.root}{call.path}/?limit={size}"
        payload = {
            "count": len(rows),
            "next": f"{here}&offset={at + size}" if at + size < len(rows) else None,
            "previous": f"{here}&offset={max(0, at - size)}" if at else None,
            "results": list(rows[at : at + size]),
        }
        return Reply(payload, items="results")


def _people(book: Snapshot) -> list[dict[str, Any]]:
    """Whoever has an event: a person comes to be with the first."""
    with duckdb.connect() as connection:
        seen = connection.execute(
            """select distinct unnest(['u-' || person_id, 's-' || staff_id])
            from read_parquet(?) where visible_at <= ?""",
            [str(book.ledger.path_of("events")), book.now],
        ).fetchall()
    active = {row[0] for row in seen}
    found = []
    for entity in book.entities("people").values():
        if f"u-{entity.id}" not in active:
            continue
        row = entity.row
        said = {"email": row["email"], "name": row["name"], "language": row["language"]}
        found.append(_person(f"u-{entity.id}", {**said, "company": str(row["account_id"])}))
    for staff in book.rows("staff"):
        if f"s-{staff['staff_id']}" not in active:
            continue
        found.append(_person(f"s-{staff['staff_id']}", {"email": staff["email"], "name": staff["name"]}))
    return found


def _person(distinct_id: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": distinct_id,
        "uuid": f"00000000-0000-4000-8000-{distinct_id.replace('-', '').encode().hex()[-12:]:0>12}",
        "distinct_ids": [distinct_id],
        "properties": {name: value for name, value in properties.items() if value is not None},
    }


VENDOR = Posthog
