"""HubSpot's CRM API: the v3/v4 and the date-versioned paths, served by the same handlers.

Belongs here: paths, pages, authentication, limits, errors. Does not belong here: what the objects hold
(`objects.py`), how a search is read (`search.py`).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson

from ingestion.sandbox import credentials
from ingestion.sandbox.limits import RollingWindow
from ingestion.sandbox.snapshot import read_time
from ingestion.sandbox.vendors.hubspot.objects import (
    ALIASES,
    ASSOCIATIONS,
    DEFAULT_PROPERTIES,
    SINGULAR,
    Hub,
    Property,
    Record,
    Version,
    cursor_property,
    iso,
)
from ingestion.sandbox.vendors.hubspot.search import SearchError, compile_search, compile_sort
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

DATE = r"{version:20\d\d-(?:03|09)(?:-beta)?}"
OBJECTS = ("/crm/{version:v3}/objects", f"/crm/objects/{DATE}")
HISTORY_DEPTH = {"contacts": 45}
ARCHIVE_DAYS = 90
SEARCH_CAP = 10_000
TOKEN_SECONDS = 1800

routes = Routes()


def objects(*tails: str) -> list[str]:
    return [base + tail for base in OBJECTS for tail in tails]


class HubSpot(Vendor):
    """One portal on the Enterprise plan."""

    name = "hubspot"
    hosts = ("api.hubapi.com", "api-eu1.hubapi.com")
    certificate_hosts = hosts
    routes = routes
    PLAN: ClassVar[Mapping[str, Any]] = {
        "burst": 190,  # requests in 10 s
        "daily": 650_000,
        "search_per_second": 5,
        "retry_after": True,  # whether a 429 carries Retry-After
        "search_lag_seconds": 0,  # how far the search index is behind the objects
        "association_page": 500,  # associations of one record per page
        "missing_scopes": (),  # object types that the token may not read
        "legacy_paths": True,  # whether v3/v4 paths are still answered
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.burst = RollingWindow(self.plan["burst"], 10)
        self.daily = RollingWindow(self.plan["daily"], 86_400)
        self.search = RollingWindow(self.plan["search_per_second"], 1)
        self.tokens: dict[str, float] = {}

    def authenticate(self, call: Call) -> None:
        if call.route and "open" in call.route.tags:
            return
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if token == credentials.HUBSPOT_ACCESS_TOKEN:
                return
            if token in self.tokens:
                if call.at < self.tokens[token]:
                    return
                raise Refusal(
                    self.error(
                        call, 401, "The OAuth token used to make this call expired.", "EXPIRED_AUTHENTICATION"
                    )
                )
        raise Refusal(
            self.error(
                call,
                401,
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you "
                "can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
                "INVALID_AUTHENTICATION",
            )
        )

    def meter(self, call: Call) -> None:
        assert call.route is not None
        if "open" in call.route.tags:
            return
        if "search" in call.route.tags:
            if not self.search.take(call.at).allowed:
                raise Refusal(self.limited(call, "SECONDLY", 1))
            return
        verdict = self.burst.take(call.at)
        if not verdict.allowed:
            raise Refusal(self.limited(call, "TEN_SECONDLY_ROLLING", max(1, round(verdict.resets_in + 0.5))))
        day = self.daily.take(call.at)
        if not day.allowed:
            raise Refusal(self.limited(call, "DAILY", None))
        call.reply_headers.update(
            {
                "X-HubSpot-RateLimit-Daily": str(day.limit),
                "X-HubSpot-RateLimit-Daily-Remaining": str(day.remaining),
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                "X-HubSpot-RateLimit-Max": str(verdict.limit),
                "X-HubSpot-RateLimit-Remaining": str(verdict.remaining),
                "X-HubSpot-RateLimit-Secondly": str(verdict.limit // 10),
                "X-HubSpot-RateLimit-Secondly-Remaining": str(verdict.limit // 10),
            }
        )

    def limited(self, call: Call, policy: str, retry_after: int | None) -> Reply:
        said = {"DAILY": "daily", "SECONDLY": "secondly", "TEN_SECONDLY_ROLLING": "ten_secondly_rolling"}[
            policy
        ]
        headers = {}
        if retry_after is not None and self.plan["retry_after"]:
            headers["Retry-After"] = str(retry_after)
        return Reply(
            {
                "status": "error",
                "message": f"You have reached your {said} limit.",
                "errorType": "RATE_LIMIT",
                "correlationId": call.request_id(),
                "policyName": policy,
                "requestId": call.request_id(),
            },
            status=429,
            headers=headers,
        )

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        policy = "SECONDLY" if call.path.endswith("/search") else "TEN_SECONDLY_ROLLING"
        return self.limited(call, policy, retry_after)

    def error(self, call: Call, status: int, message: str, category: str, **more: Any) -> Reply:
        body = {
            "status": "error",
            "message": message,
            "correlationId": call.request_id(),
            "category": category,
            **more,
        }
        return Reply(body, status=status)

    def missing(self, call: Call) -> Reply:
        return self.error(call, 404, "Unable to find the requested resource", "OBJECT_NOT_FOUND")

    def broken(self, call: Call, status: int) -> Reply:
        return self.error(call, status, "internal error", "INTERNAL_ERROR")

    def bad_body(self, call: Call, problem: str) -> Reply:
        return self.error(call, 400, f"Invalid input JSON: {problem}", "VALIDATION_ERROR")

    def invalid(self, call: Call, message: str) -> Refusal:
        return Refusal(self.error(call, 400, message, "VALIDATION_ERROR"))

    def handle(self, call: Call) -> Reply:
        if not self.plan["legacy_paths"] and re.match(r"/(crm|oauth|account-info)/v\d/", call.path):
            return self.missing(call)
        return super().handle(call)

    def kind(self, call: Call, name: str = "type") -> str:
        """The object type that a path names, by singular, plural or type id."""
        kind = ALIASES.get(call.params[name].lower())
        if kind is None:
            message = f"Unable to infer object type from: {call.params[name]}"
            raise self.invalid(call, message)
        if kind in self.plan["missing_scopes"]:
            scope = f"crm.objects.{kind}.read"
            message = "This app hasn't been granted all required scopes to make this call."
            context = {"requiredGranularScopes": [scope]}
            errors = [
                {"message": f"One or more of the following scopes are required: {scope}", "context": context}
            ]
            raise Refusal(self.error(call, 403, message, "MISSING_SCOPES", errors=errors))
        return kind

    # --- objects

    @routes("GET", *objects("/{type}"))
    def list_objects(self, call: Call) -> Reply:
        kind, hub = self.kind(call), call.book.view(Hub)
        history = call.values("propertiesWithHistory")
        limit = self.limit_of(call, 50 if history else 100, 10)
        if call.flag("archived"):
            horizon = call.book.now - timedelta(days=ARCHIVE_DAYS)
            records = [
                item for item in hub.archived(kind) if item.archived_at and item.archived_at >= horizon
            ]
        else:
            records = hub.alive(kind)
        start = 0
        if after := call.query.get("after"):
            if not after.lstrip("-").isdigit():
                raise self.invalid(call, f"Invalid after cursor: {after}")
            start = bisect.bisect_left(records, int(after), key=lambda record: record.id)
        page = records[start : start + limit]
        names = self.names_of(hub, kind, call.values("properties"))
        with_associations = [self.association_name(call, name) for name in call.values("associations")]
        payload: dict[str, Any] = {
            "results": [
                self.show(call, hub, kind, record, names, history, with_associations) for record in page
            ]
        }
        if start + limit < len(records):
            payload["paging"] = {"next": self.next_page(call, str(records[start + limit].id))}
        return Reply(payload, items="results")

    @routes("GET", *objects("/{type}/{id}"))
    def get_object(self, call: Call) -> Reply:
        kind, hub = self.kind(call), call.book.view(Hub)
        record = hub.resolve(kind, int(call.params["id"])) if call.params["id"].isdigit() else None
        if record is None or (record.archived_at is not None) != call.flag("archived"):
            return self.missing(call)
        names = self.names_of(hub, kind, call.values("properties"))
        associations = [self.association_name(call, name) for name in call.values("associations")]
        return Reply(
            self.show(call, hub, kind, record, names, call.values("propertiesWithHistory"), associations)
        )

    @routes("POST", *objects("/{type}/batch/read"))
    def batch_read(self, call: Call) -> Reply:
        kind, hub = self.kind(call), call.book.view(Hub)
        body = call.json
        inputs = body.get("inputs") or []
        history = list(body.get("propertiesWithHistory") or [])
        most = 50 if history else 100
        if len(inputs) > most:
            raise self.invalid(call, f"Exceeded the limit of {most} inputs, got {len(inputs)}")
        is_archived = call.flag("archived")
        names = self.names_of(hub, kind, list(body.get("properties") or []))
        by = body.get("idProperty")
        index = {record.properties.get(by): record for record in hub.records(kind).values()} if by else {}
        results, absent = [], []
        for item in inputs:
            wanted = str(item.get("id"))
            record = (
                index.get(wanted) if by else (hub.resolve(kind, int(wanted)) if wanted.isdigit() else None)
            )
            if record is None or (record.archived_at is not None) != is_archived:
                absent.append(wanted)
            else:
                results.append(self.show(call, hub, kind, record, names, history, []))
        return self.batch(
            call,
            results,
            absent,
            f"Could not get some {SINGULAR[kind].upper()} objects, they may be deleted or not exist.",
        )

    def batch(self, call: Call, results: list[Any], absent: list[str], message: str) -> Reply:
        moment = iso(call.book.now)
        payload: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": moment,
            "completedAt": moment,
        }
        if absent:
            payload["numErrors"] = 1
            payload["errors"] = [
                {
                    "status": "error",
                    "category": "OBJECT_NOT_FOUND",
                    "message": message,
                    "context": {"ids": absent},
                }
            ]
        return Reply(payload, status=207 if absent else 200, items="results")

    @routes("POST", *objects("/{type}/search"), tags="search")
    def search_objects(self, call: Call) -> Reply:
        kind = self.kind(call)
        if len(call.body.decode("utf-8", "replace")) > 3000:
            raise self.invalid(call, "The request body is too long: the maximum is 3,000 characters.")
        body = call.json
        hub = call.book.lagged(self.plan["search_lag_seconds"]).view(Hub)
        try:
            limit = int(body.get("limit") or 10)
            after = int(body.get("after") or 0)
        except (TypeError, ValueError) as error:
            raise self.invalid(call, "Invalid input JSON: limit and after are numbers.") from error
        if not 0 < limit <= 200:
            raise self.invalid(call, "Invalid input JSON: limit must be between 1 and 200.")
        if after >= SEARCH_CAP:
            raise self.invalid(call, f"You can only page through {SEARCH_CAP} results of a query.")
        found = self.find(call, hub, kind, body)
        page = found[after : min(after + limit, SEARCH_CAP)]
        names = self.names_of(hub, kind, list(body.get("properties") or []))
        payload: dict[str, Any] = {
            "total": len(found),
            "results": [self.show(call, hub, kind, record, names, [], []) for record in page],
        }
        if after + limit < len(found):
            payload["paging"] = {"next": {"after": str(after + limit)}}
        return Reply(payload, items="results")

    def find(self, call: Call, hub: Hub, kind: str, body: Mapping[str, Any]) -> list[Record]:
        query = {name: body.get(name) for name in ("filterGroups", "filters", "sorts", "query")}
        key = (kind, orjson.dumps(query, option=orjson.OPT_SORT_KEYS))
        if key not in hub.searches:
            definitions = hub.definitions(kind)
            try:
                test = compile_search(body, definitions, DEFAULT_PROPERTIES.get(kind, ()))
                order, is_descending = compile_sort(body, definitions)
            except SearchError as error:
                raise self.invalid(call, str(error)) from error
            found = [record for record in hub.alive(kind) if test(record)]
            hub.searches[key] = sorted(found, key=order, reverse=is_descending)
        return hub.searches[key]

    def limit_of(self, call: Call, most: int, default: int) -> int:
        text = call.query.get("limit", str(default))
        if not text.isdigit() or not 0 < int(text) <= most:
            raise self.invalid(
                call, f"Invalid request to the API: limit must be between 1 and {most}, got {text}"
            )
        return int(text)

    @staticmethod
    def next_page(call: Call, after: str) -> dict[str, str]:
        query = [(name, value) for name, value in call.query.multi_items() if name != "after"]
        return {"after": after, "link": f"{call.root}{call.path}?{urlencode([*query, ('after', after)])}"}

    @staticmethod
    def names_of(hub: Hub, kind: str, asked: list[str]) -> list[str]:
        """The properties to show: those asked for that exist, else the type's defaults, and always three
        more.
        """
        known = hub.definitions(kind)
        names = [name for name in asked if name in known] if asked else list(DEFAULT_PROPERTIES.get(kind, ()))
        return list(dict.fromkeys([*names, "createdate", cursor_property(kind), "hs_object_id"]))

    def association_name(self, call: Call, name: str) -> str:
        kind = ALIASES.get(name.lower())
        if kind is None:
            raise self.invalid(call, f"Unable to infer object type from: {name}")
        return kind

    def show(
        self,
        call: Call,
        hub: Hub,
        kind: str,
        record: Record,
        names: list[str],
        history: list[str],
        associations: list[str],
    ) -> dict[str, Any]:
        """A record as JSON."""
        properties = record.properties
        shown: dict[str, Any] = {
            "id": str(record.id),
            "properties": {name: properties.get(name) for name in names},
            "createdAt": iso(record.created_at),
            "updatedAt": iso(record.updated_at),
            "archived": record.archived_at is not None,
        }
        if record.archived_at is not None:
            shown["archivedAt"] = iso(record.archived_at)
        if history:
            known = hub.definitions(kind)
            shown["propertiesWithHistory"] = {
                name: self.versions(kind, record, name) for name in history if name in known
            }
        if associations:
            found = {other: self.associated(call, hub, kind, record, other) for other in associations}
            shown["associations"] = {other: value for other, value in found.items() if value["results"]}
            if not shown["associations"]:
                del shown["associations"]
        return shown

    @staticmethod
    def versions(kind: str, record: Record, name: str) -> list[dict[str, Any]]:
        """The values of a property, the newest first, as far back as HubSpot keeps them."""
        past = record.history.get(name)
        if past is None:
            value = record.properties.get(name)
            past = [Version(value, record.created_at)] if value is not None else []
        shown = []
        for version in reversed(past[-HISTORY_DEPTH.get(kind, 20) :]):
            entry: dict[str, Any] = {"value": version.value or "", "timestamp": iso(version.at)}
            if version.by is None:
                entry |= {"sourceType": "INTEGRATION", "sourceId": "norte-sandbox"}
            else:
                entry |= {
                    "sourceType": "CRM_UI",
                    "sourceId": f"userId:{version.by}",
                    "updatedByUserId": version.by,
                }
            shown.append(entry)
        return shown

    def associated(self, call: Call, hub: Hub, kind: str, record: Record, other: str) -> dict[str, Any]:
        """The associations of one record in the form of the list endpoint."""
        if record.archived_at is not None:
            return {"results": []}
        ids = hub.links(kind, other).get(record.id, [])
        stem = f"{SINGULAR[kind]}_to_{SINGULAR[other]}"
        types = [
            stem if label or len(kinds) == 1 else f"{stem}_unlabeled"
            for kinds in [ASSOCIATIONS.get((kind, other), ())]
            for _, label in kinds
        ]
        return {"results": [{"id": str(one), "type": name} for one in ids for name in types]}

    # --- associations

    @routes(
        "POST",
        "/crm/{version:v4}/associations/{from}/{to}/batch/read",
        f"/crm/associations/{DATE}/{{from}}/{{to}}/batch/read",
    )
    def read_associations(self, call: Call) -> Reply:
        source, target = self.kind(call, "from"), self.kind(call, "to")
        hub = call.book.view(Hub)
        inputs = call.json.get("inputs") or []
        if len(inputs) > 1000:
            raise self.invalid(call, f"Exceeded the limit of 1000 inputs, got {len(inputs)}")
        records, links = hub.records(source), hub.links(source, target)
        results, absent = [], []
        for item in inputs:
            wanted = str(item.get("id"))
            record = records.get(int(wanted)) if wanted.isdigit() else None
            if record is None or record.archived_at is not None:
                absent.append(wanted)
                continue
            shown = self.link_page(source, target, links.get(record.id, []), item.get("after"))
            if shown["to"]:
                results.append({"from": {"id": wanted}, **shown})
        message = f"No {SINGULAR[target]} is associated with some {SINGULAR[source]} ids: they do not exist."
        return self.batch(call, results, absent, message)

    def link_page(self, source: str, target: str, ids: list[int], after: Any) -> dict[str, Any]:
        start = int(after) if after is not None and str(after).isdigit() else 0
        size = self.plan["association_page"]
        kinds = [
            {"category": "HUBSPOT_DEFINED", "typeId": number, "label": label}
            for number, label in ASSOCIATIONS.get((source, target), ())
        ]
        shown: dict[str, Any] = {
            "to": [{"toObjectId": str(one), "associationTypes": kinds} for one in ids[start : start + size]]
        }
        if start + size < len(ids):
            shown["paging"] = {"next": {"after": str(start + size)}}
        return shown

    @routes(
        "GET",
        "/crm/{version:v4}/objects/{type}/{id}/associations/{to}",
        "/crm/objects/{version:2026-09-beta}/{type}/{id}/associations/{to}",
    )
    def list_associations(self, call: Call) -> Reply:
        source, target = self.kind(call), self.kind(call, "to")
        hub = call.book.view(Hub)
        record = hub.records(source).get(int(call.params["id"])) if call.params["id"].isdigit() else None
        if record is None or record.archived_at is not None:
            return self.missing(call)
        shown = self.link_page(
            source, target, hub.links(source, target).get(record.id, []), call.query.get("after")
        )
        payload: dict[str, Any] = {"results": shown["to"]}
        if "paging" in shown:
            payload["paging"] = {"next": self.next_page(call, shown["paging"]["next"]["after"])}
        return Reply(payload, items="results")

    # --- settings of the portal

    @routes("GET", "/crm/{version:v3}/pipelines/{type}", f"/crm/pipelines/{DATE}/{{type}}")
    def list_pipelines(self, call: Call) -> Reply:
        return Reply({"results": self.pipelines(call, self.kind(call))}, items="results")

    @routes("GET", "/crm/{version:v3}/pipelines/{type}/{id}", f"/crm/pipelines/{DATE}/{{type}}/{{id}}")
    def get_pipeline(self, call: Call) -> Reply:
        for pipeline in self.pipelines(call, self.kind(call)):
            if pipeline["id"] == call.params["id"]:
                return Reply(pipeline)
        return self.missing(call)

    @routes(
        "GET", "/crm/{version:v3}/pipelines/{type}/{id}/audit", f"/crm/pipelines/{DATE}/{{type}}/{{id}}/audit"
    )
    def audit_pipeline(self, call: Call) -> Reply:
        for pipeline in self.pipelines(call, self.kind(call)):
            if pipeline["id"] == call.params["id"]:
                entry = {
                    "identifier": pipeline["id"],
                    "action": "CREATE",
                    "portalId": credentials.HUBSPOT_PORTAL_ID,
                    "timestamp": pipeline["createdAt"],
                    "message": "Pipeline created",
                    "rawObject": pipeline,
                }
                return Reply({"results": [entry]}, items="results")
        return self.missing(call)

    @routes("GET", "/crm-pipelines/v1/pipelines/{type}")
    def list_old_pipelines(self, call: Call) -> Reply:
        """The first form of the same, answered until 4 December 2026: other names, times as milliseconds."""
        kind = self.kind(call)
        found = []
        for pipeline in self.pipelines(call, kind):
            stages = [
                _in_old_form(stage, "stageId") | {"metadata": stage["metadata"]}
                for stage in pipeline["stages"]
            ]
            found.append(
                _in_old_form(pipeline, "pipelineId")
                | {
                    "objectType": SINGULAR[kind].upper(),
                    "objectTypeId": {"deals": "0-3", "tickets": "0-5"}[kind],
                    "default": pipeline["displayOrder"] == 0,
                    "stages": stages,
                }
            )
        return Reply({"results": found}, items="results")

    @staticmethod
    def pipelines(call: Call, kind: str) -> list[dict[str, Any]]:
        if kind != "deals":
            return []
        stages: dict[int, list[dict[str, Any]]] = {}
        for row in sorted(call.book.rows("deal_stages"), key=lambda row: row["position"]):
            stages.setdefault(row["pipeline_id"], []).append(
                {
                    "id": str(row["stage_id"]),
                    "label": row["name"],
                    "displayOrder": row["position"],
                    "metadata": {
                        "isClosed": "true" if row["is_closed"] else "false",
                        "probability": str(float(row["probability"])),
                    },
                    "archived": False,
                    "createdAt": iso(row["visible_at"]),
                    "updatedAt": iso(row["visible_at"]),
                }
            )
        return [
            {
                "id": str(row["pipeline_id"]),
                "label": row["name"],
                "displayOrder": position,
                "archived": False,
                "createdAt": iso(row["visible_at"]),
                "updatedAt": iso(row["visible_at"]),
                "stages": stages.get(row["pipeline_id"], []),
            }
            for position, row in enumerate(
                sorted(call.book.rows("pipelines"), key=lambda row: row["pipeline_id"])
            )
        ]

    @routes("GET", "/crm/{version:v3}/owners", f"/crm/owners/{DATE}")
    def list_owners(self, call: Call) -> Reply:
        limit = self.limit_of(call, 500, 100)
        owners = [owner for owner in call.book.view(Hub).owners if owner["archived"] == call.flag("archived")]
        if email := call.query.get("email"):
            owners = [owner for owner in owners if owner["email"] == email]
        after = call.query.get("after", "")
        start = next((at for at, owner in enumerate(owners) if owner["id"] == after), 0) if after else 0
        payload: dict[str, Any] = {"results": owners[start : start + limit]}
        if start + limit < len(owners):
            payload["paging"] = {"next": self.next_page(call, owners[start + limit]["id"])}
        return Reply(payload, items="results")

    @routes("GET", "/crm/{version:v3}/owners/{id}", f"/crm/owners/{DATE}/{{id}}")
    def get_owner(self, call: Call) -> Reply:
        for owner in call.book.view(Hub).owners:
            if call.params["id"] == owner["id"] and owner["archived"] == call.flag("archived"):
                return Reply(owner)
        return self.missing(call)

    @routes("GET", "/settings/{version:v3}/users", f"/settings/users/{DATE}")
    def list_users(self, call: Call) -> Reply:
        users = [
            {
                "id": str(owner["userId"]),
                "email": owner["email"],
                "firstName": owner["firstName"],
                "lastName": owner["lastName"],
                "roleIds": [],
                "primaryTeamId": next((team["id"] for team in owner["teams"] if team["primary"]), None),
                "superAdmin": False,
            }
            for owner in call.book.view(Hub).owners
            if not owner["archived"] and owner["userId"] is not None
        ]
        return Reply({"results": users}, items="results")

    @routes("GET", "/settings/{version:v3}/users/teams", f"/settings/users/{DATE}/teams")
    def list_teams(self, call: Call) -> Reply:
        teams: dict[str, dict[str, Any]] = {}
        for owner in call.book.view(Hub).owners:
            for team in owner["teams"]:
                known = teams.setdefault(
                    team["id"],
                    {"id": team["id"], "name": team["name"], "userIds": [], "secondaryUserIds": []},
                )
                if not owner["archived"] and owner["userId"] is not None:
                    known["userIds" if team["primary"] else "secondaryUserIds"].append(str(owner["userId"]))
        return Reply({"results": list(teams.values())}, items="results")

    @routes("GET", "/email/public/v1/subscriptions")
    def list_subscription_types(self, call: Call) -> Reply:
        return Reply({"subscriptionDefinitions": []}, items="subscriptionDefinitions")

    @routes("GET", "/crm/{version:v3}/properties/{type}", f"/crm/properties/{DATE}/{{type}}")
    def list_properties(self, call: Call) -> Reply:
        kind = self.kind(call)
        if call.flag("archived"):
            return Reply({"results": []}, items="results")
        shown = [self.show_property(kind, item) for item in call.book.view(Hub).definitions(kind).values()]
        return Reply({"results": shown}, items="results")

    @routes("GET", "/crm/{version:v3}/properties/{type}/{name}", f"/crm/properties/{DATE}/{{type}}/{{name}}")
    def get_property(self, call: Call) -> Reply:
        kind = self.kind(call)
        found = call.book.view(Hub).definitions(kind).get(call.params["name"])
        return Reply(self.show_property(kind, found)) if found else self.missing(call)

    @staticmethod
    def show_property(kind: str, item: Property) -> dict[str, Any]:
        field_types = {
            "number": "number",
            "datetime": "date",
            "date": "date",
            "enumeration": "select",
            "bool": "booleancheckbox",
        }
        return {
            "name": item.name,
            "label": item.label or item.name.replace("_", " ").capitalize(),
            "type": item.kind,
            "fieldType": "calculation_equation" if item.is_calculated else field_types.get(item.kind, "text"),
            "description": "",
            "groupName": f"{SINGULAR[kind]}information",
            "options": [
                {"label": option, "value": option, "displayOrder": order, "hidden": False}
                for order, option in enumerate(item.options)
            ],
            "displayOrder": -1,
            "calculated": item.is_calculated,
            "externalOptions": False,
            "hasUniqueValue": False,
            "hidden": False,
            "hubspotDefined": item.name not in ("segment", "is_test_account", "closed_lost_reason_text"),
            "formField": False,
            "archived": False,
        }

    @routes(
        "GET",
        "/crm/{version:v3}/schemas",
        "/crm-object-schemas/{version:v3}/schemas",
        f"/crm-object-schemas/{DATE}/schemas",
    )
    def list_schemas(self, call: Call) -> Reply:
        return Reply({"results": []}, items="results")

    @routes("GET", "/account-info/{version:v3}/details", f"/account-info/{DATE}/details")
    def account_details(self, call: Call) -> Reply:
        meta = call.book.meta
        return Reply(
            {
                "portalId": credentials.HUBSPOT_PORTAL_ID,
                "accountType": "STANDARD",
                "timeZone": meta.time_zone,
                "companyCurrency": meta.reporting_currency,
                "additionalCurrencies": [],
                "utcOffset": "+00:00",
                "utcOffsetMilliseconds": 0,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    # --- tokens

    @routes("POST", "/oauth/{version:v1|v3}/token", f"/oauth/{DATE}/token", tags="open")
    def token(self, call: Call) -> Reply:
        form = call.form
        if (
            form.get("client_id") != credentials.HUBSPOT_CLIENT_ID
            or form.get("client_secret") != credentials.HUBSPOT_CLIENT_SECRET
        ):
            return self.error(call, 400, "missing or invalid client id or client secret", "BAD_CLIENT_ID")
        grant = form.get("grant_type")
        if grant == "refresh_token" and form.get("refresh_token") != credentials.HUBSPOT_REFRESH_TOKEN:
            return self.error(call, 400, "missing or invalid refresh token", "BAD_REFRESH_TOKEN")
        if grant not in ("refresh_token", "authorization_code", "client_credentials"):
            return self.error(call, 400, f"unsupported grant type: {grant}", "BAD_GRANT_TYPE")
        token = f"oauth-{call.request_id()}"
        self.tokens[token] = call.at + TOKEN_SECONDS
        return Reply(
            {
                "access_token": token,
                "refresh_token": credentials.HUBSPOT_REFRESH_TOKEN,
                "expires_in": TOKEN_SECONDS,
                "token_type": "bearer",
            }
        )

    @routes("POST", f"/oauth/{DATE}/token/introspect", f"/oauth/{DATE}/introspect", tags="open")
    def introspect(self, call: Call) -> Reply:
        token = call.form.get("token", "")
        until = self.tokens.get(token, 0.0)
        if until <= call.at:
            return Reply({"active": False})
        return Reply(
            {
                "active": True,
                "token_type": "bearer",
                "hub_id": credentials.HUBSPOT_PORTAL_ID,
                "client_id": credentials.HUBSPOT_CLIENT_ID,
                "expires_in": int(until - call.at),
            }
        )

    @routes("POST", f"/oauth/{DATE}/token/revoke", f"/oauth/{DATE}/revoke", tags="open")
    def revoke(self, call: Call) -> Reply:
        self.tokens.pop(call.form.get("token", ""), None)
        return Reply(None, status=204)


def _in_old_form(found: Mapping[str, Any], id_name: str) -> dict[str, Any]:
    """What pipelines and stages have in common in their first form."""
    return {
        id_name: found["id"],
        "label": found["label"],
        "displayOrder": found["displayOrder"],
        "active": not found["archived"],
        **{name: int(read_time(found[name]).timestamp() * 1000) for name in ("createdAt", "updatedAt")},
    }


VENDOR = HubSpot
