"""Zendesk Support's API v2: incremental exports, cursor and offset pages, tokens, limits.

Belongs here: paths, pages, authentication, limits, errors. Does not belong here: what the objects hold
(`desk.py`).
"""

from __future__ import annotations

import base64
import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from ingestion.sandbox import credentials
from ingestion.sandbox.limits import FixedWindow, Verdict
from ingestion.sandbox.snapshot import read_time
from ingestion.sandbox.vendors.zendesk import searching
from ingestion.sandbox.vendors.zendesk.desk import (
    AGENTS,
    ARCHIVED_AFTER_DAYS,
    BRAND,
    TICKET_FORM,
    Audit,
    Desk,
    Ticket,
    epoch,
    iso,
)
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
API = "/api/v2"
EXPORT_PAGE = 1000
MOST_OFFSET_PAGES = 100
MOST_SEARCHED = 1000
HELD_BACK = 60
DELETED_DAYS = 30


class Zendesk(Vendor):
    """One account: Suite Enterprise with the High Volume API add-on."""

    name = "zendesk"
    hosts = ("*.zendesk.com",)
    certificate_hosts = hosts
    routes = routes
    PLAN: ClassVar[Mapping[str, Any]] = {
        "account_per_minute": 2500,
        "incremental_exports": 30,  # per minute; 10 without the add-on
        "incremental_exports_cursor": 60,  # per minute, users; 20 without the add-on
        "audits_per_minute": 450,
        "token_seconds": 7200,
        "api_tokens": True,  # whether Basic with an API token still opens the account
        "survey_responses": True,  # CSAT as surveys: Suite Growth and higher
        "jira_links": True,  # "manage links" is on
        "time_export_extends": True,  # a time-based page grows until its last second is whole
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.account = FixedWindow(self.plan["account_per_minute"], 60)
        self.buckets = {
            "incremental-exports": FixedWindow(self.plan["incremental_exports"], 60),
            "incremental-exports-cursor": FixedWindow(self.plan["incremental_exports_cursor"], 60),
            "ticket-audits": FixedWindow(self.plan["audits_per_minute"], 60),
        }
        self.tokens: dict[str, float] = {}
        self.scopes: dict[str, str] = {}
        self.refresh_tokens: set[str] = set()

    def clean(self, call: Call) -> None:
        if call.path.endswith(".json"):
            call.path = call.path[:-5]

    def authenticate(self, call: Call) -> None:
        if call.route and "open" in call.route.tags:
            return
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.tokens.get(secret, -1.0) > call.at:
            call.who = "oauth"
            if "read" not in self.scopes[secret].split():
                message = "Missing the following required scopes: read"
                raise Refusal(Reply({"error": "Forbidden", "description": message}, status=403))
            return
        if scheme.lower() == "basic" and self.plan["api_tokens"]:
            try:
                name, _, token = base64.b64decode(secret).decode().partition(":")
            except (ValueError, UnicodeDecodeError):
                name, token = "", ""
            if (name, token) == (f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_API_TOKEN):
                call.who = "token"
                return
        raise Refusal(
            Reply(
                {"error": "Couldn't authenticate you"},
                status=401,
                headers={"WWW-Authenticate": 'Basic realm="Web Password"'},
            )
        )

    def meter(self, call: Call) -> None:
        assert call.route is not None
        if "open" in call.route.tags:
            return
        account = self.account.take(call.at)
        call.reply_headers.update(
            {
                "X-Rate-Limit": str(account.limit),
                "X-Rate-Limit-Remaining": str(account.remaining),
                "ratelimit-limit": str(account.limit),
                "ratelimit-remaining": str(account.remaining),
                "ratelimit-reset": str(_whole(account.resets_in)),
            }
        )
        if not account.allowed:
            raise Refusal(self.limited(call, _whole(account.resets_in)))
        for name, bucket in self.buckets.items():
            if name in call.route.tags:
                verdict = bucket.take(call.at)
                call.reply_headers[f"Zendesk-RateLimit-{name}"] = _bucket(verdict)
                if not verdict.allowed:
                    raise Refusal(self.limited(call, _whole(verdict.resets_in)))

    def limited(self, call: Call, retry_after: int) -> Reply:
        return Reply(
            {
                "error": "APIRateLimitExceeded",
                "description": "Number of allowed API requests per minute exceeded",
            },
            status=429,
            headers={"Retry-After": str(retry_after)},
        )

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        return self.limited(call, 1 if retry_after is None else retry_after)

    def missing(self, call: Call) -> Reply:
        return Reply({"error": "InvalidEndpoint", "description": "Not found"}, status=404)

    def gone(self) -> Reply:
        return Reply({"error": "RecordNotFound", "description": "Not found"}, status=404)

    def broken(self, call: Call, status: int) -> Reply:
        return Reply({"error": "InternalError", "description": "Something went wrong"}, status=status)

    def bad_body(self, call: Call, problem: str) -> Reply:
        return Reply({"error": "Unprocessable", "message": problem}, status=422)

    @staticmethod
    def invalid(error: str, description: str, status: int = 400) -> Refusal:
        return Refusal(Reply({"error": error, "description": description}, status=status))

    # --- tokens

    @routes("POST", "/oauth/tokens", f"{API}/oauth/tokens", tags="open")
    def token(self, call: Call) -> Reply:
        is_form = "form" in call.headers.get("content-type", "")
        asked: Mapping[str, Any] = call.form if is_form else call.json
        grant = asked.get("grant_type")
        known = (credentials.ZENDESK_CLIENT_ID, credentials.ZENDESK_CLIENT_SECRET)
        if (asked.get("client_id"), asked.get("client_secret")) != known:
            return Reply(
                {
                    "error": "invalid_client",
                    "error_description": "Client authentication failed due to unknown client, no client "
                    "authentication included, or unsupported authentication method.",
                },
                status=401,
            )
        if grant == "refresh_token":
            refresh = str(asked.get("refresh_token"))
            if refresh not in self.refresh_tokens:
                return Reply(
                    {"error": "invalid_grant", "error_description": "The refresh token is invalid."},
                    status=400,
                )
            self.refresh_tokens.discard(refresh)
        elif grant != "client_credentials":
            return Reply(
                {
                    "error": "unsupported_grant_type",
                    "error_description": f"The grant type {grant} is not supported.",
                },
                status=400,
            )
        token, refresh = f"access-{call.request_id()}", f"refresh-{call.request_id()}"
        self.tokens[token] = call.at + self.plan["token_seconds"]
        self.scopes[token] = str(asked.get("scope") or "read")
        self.refresh_tokens.add(refresh)
        return Reply(
            {
                "access_token": token,
                "refresh_token": refresh,
                "token_type": "bearer",
                "scope": self.scopes[token],
                "expires_in": self.plan["token_seconds"],
                "refresh_token_expires_in": 2_592_000,
            }
        )

    # --- pages

    def page(
        self,
        call: Call,
        key: str,
        rows: Sequence[Any],
        show: Callable[[Any], Any] = lambda row: row,
        most: int = 100,
    ) -> Reply:
        """A list as a cursor page when `page[size]` (or a cursor) is asked for, else as an offset page."""
        query = call.query
        if any(name in query for name in ("page[size]", "page[after]", "page[before]")):
            size = _number(query.get("page[size]"), most)
            if not 0 < size <= most:
                raise self.invalid("InvalidPageSize", f"page[size] must be between 1 and {most}")
            start = _read_cursor(query.get("page[after]"))
            if start is None:
                raise self.invalid("InvalidCursor", "The cursor is invalid")
            return Reply(self.cursor_page(call, key, rows, show, start, size), items=key)
        size = min(_number(query.get("per_page"), most), most)
        number = max(1, _number(query.get("page"), 1))
        if size < 1:
            size = most
        if number > MOST_OFFSET_PAGES:
            raise self.invalid(
                "InvalidPaginationDepth",
                f"Number of pages is limited to {MOST_OFFSET_PAGES}: use cursor pagination for more",
            )
        start = (number - 1) * size
        payload = {
            key: [show(row) for row in rows[start : start + size]],
            "next_page": self.link(call, page=number + 1, per_page=size)
            if start + size < len(rows)
            else None,
            "previous_page": self.link(call, page=number - 1, per_page=size) if number > 1 else None,
            "count": len(rows),
        }
        return Reply(payload, items=key)

    def cursor_page(
        self, call: Call, key: str, rows: Sequence[Any], show: Callable[[Any], Any], start: int, size: int
    ) -> dict[str, Any]:
        page = [show(row) for row in rows[start : start + size]]
        has_more = start + size < len(rows)
        after = _cursor(start + len(page)) if page else None
        before = _cursor(start) if page else None
        return {
            key: page,
            "meta": {"has_more": has_more, "after_cursor": after, "before_cursor": before},
            "links": {
                "prev": self.link(call, **{"page[before]": before, "page[size]": size}) if start else None,
                "next": self.link(call, **{"page[after]": after, "page[size]": size}) if has_more else None,
            },
        }

    @staticmethod
    def link(call: Call, **more: Any) -> str:
        """The call's own URL with some parameters replaced."""
        dropped = {*more, "page[after]", "page[before]"}
        query = [(name, value) for name, value in call.query.multi_items() if name not in dropped]
        return f"{call.root}{call.path}.json?{urlencode([*query, *more.items()])}"

    def start_time(self, call: Call, text: str | None) -> int:
        """Seconds of a start time given as integer, float or ISO.

        Raises Refusal when missing or too recent.
        """
        if not text:
            raise self.invalid("InvalidValue", "Parameter start_time is required")
        try:
            seconds = int(float(text))
        except ValueError:
            try:
                seconds = epoch(read_time(text))
            except ValueError as error:
                raise self.invalid(
                    "InvalidValue", f"Parameter start_time must be an integer, got {text}"
                ) from error
        if seconds > epoch(call.book.now) - HELD_BACK:
            raise self.invalid(
                "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 60 seconds"
            )
        return seconds

    def export_by_cursor(
        self,
        call: Call,
        key: str,
        rows: Sequence[Any],
        when: Callable[[Any], tuple[int, int]],
        show: Callable[[Any], Any],
    ) -> tuple[list[Any], dict[str, Any]]:
        """A page of a cursor-based incremental export: its rows and its payload.

        `rows` are in the order of `when`, a pair of (seconds, id).
        """
        size = min(max(1, _number(call.query.get("per_page"), EXPORT_PAGE)), EXPORT_PAGE)
        cursor = call.query.get("cursor")
        if cursor:
            after = _read_position(cursor)
            if after is None:
                raise self.invalid("InvalidValue", "Parameter cursor is invalid")
        else:
            after = (self.start_time(call, call.query.get("start_time")), 0)
        end = bisect.bisect_right(rows, (epoch(call.book.now) - HELD_BACK, 1 << 62), key=when)
        start = min(bisect.bisect_right(rows, after, key=when), end)
        page = list(rows[start : min(start + size, end)])
        last = _position(*(when(page[-1]) if page else after))
        query = [
            (name, value) for name, value in call.query.multi_items() if name not in ("start_time", "cursor")
        ]
        payload: dict[str, Any] = {
            key: [show(row) for row in page],
            "after_cursor": last,
            "after_url": f"{call.root}{call.path}.json?{urlencode([*query, ('cursor', last)])}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": start + size >= end,
        }
        return page, payload

    def export_by_time(
        self,
        call: Call,
        key: str,
        rows: Sequence[Any],
        when: Callable[[Any], int],
        show: Callable[[Any], Any],
    ) -> tuple[list[Any], dict[str, Any]]:
        """A page of a time-based incremental export: its rows and its payload. `rows` are in the order of
        `when`.
        """
        size = min(max(1, _number(call.query.get("per_page"), EXPORT_PAGE)), EXPORT_PAGE)
        since = self.start_time(call, call.query.get("start_time"))
        end = bisect.bisect_right(rows, epoch(call.book.now) - HELD_BACK, key=when)
        start = min(bisect.bisect_left(rows, since, key=when), end)
        stop = min(start + size, end)
        if self.plan["time_export_extends"] and start < stop < end:
            stop = bisect.bisect_right(rows, when(rows[stop - 1]), hi=end, key=when)
        page = list(rows[start:stop])
        end_time = when(page[-1]) if page else None
        query = [(name, value) for name, value in call.query.multi_items() if name != "start_time"]
        following = f"{call.root}{call.path}.json?{urlencode([*query, ('start_time', end_time)])}"
        payload: dict[str, Any] = {
            key: [show(row) for row in page],
            "count": len(page),
            "end_of_stream": stop >= end,
            "end_time": end_time,
            "next_page": following if page else None,
        }
        return page, payload

    # --- incremental exports

    @routes("GET", f"{API}/incremental/tickets/cursor", tags="incremental-exports")
    def export_tickets(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        scope = call.query.get("support_type_scope", "agent")
        no_deleted = call.flag("exclude_deleted")
        rows = self.in_scope(desk, scope, no_deleted)
        page, payload = self.export_by_cursor(
            call,
            "tickets",
            rows,
            lambda ticket: (desk.show(ticket)["generated_timestamp"], ticket.id),
            desk.show,
        )
        self.side_load(call, desk, page, payload)
        return Reply(payload, items="tickets")

    @routes("GET", f"{API}/incremental/tickets", tags="incremental-exports")
    def export_tickets_by_time(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        rows = self.in_scope(
            desk, call.query.get("support_type_scope", "agent"), call.flag("exclude_deleted")
        )
        page, payload = self.export_by_time(
            call, "tickets", rows, lambda ticket: desk.show(ticket)["generated_timestamp"], desk.show
        )
        self.side_load(call, desk, page, payload)
        return Reply(payload, items="tickets")

    @staticmethod
    def in_scope(desk: Desk, scope: str, no_deleted: bool) -> list[Ticket]:
        kept = {"agent": (False,), "ai_agent": (True,)}.get(scope, (False, True))
        return [
            ticket
            for ticket in desk.feed
            if ticket.entity.first["is_ai_agent"] in kept and not (no_deleted and ticket.entity.is_deleted)
        ]

    @staticmethod
    def side_load(call: Call, desk: Desk, page: Sequence[Ticket], payload: dict[str, Any]) -> None:
        """What `include` asks for; what it does not know is ignored."""
        wanted = set(call.values("include"))
        shown = [desk.show(ticket) for ticket in page]
        if "metric_sets" in wanted:
            # Unlike the other side-loads it lies in each ticket.
            sets = [
                {**one, "metric_set": desk.metric_set(ticket)}
                for one, ticket in zip(shown, page, strict=True)
            ]
            if "tickets" in payload:
                payload["tickets"] = sets
            else:
                payload["ticket"] = sets[0]
        if "users" in wanted:
            ids = {
                ticket[name] for ticket in shown for name in ("requester_id", "submitter_id", "assignee_id")
            }
            payload["users"] = [user for user in desk.users if user["id"] in ids]
        if "groups" in wanted:
            ids = {ticket["group_id"] for ticket in shown}
            payload["groups"] = [group for group in desk.groups if group["id"] in ids]
        if "organizations" in wanted:
            ids = {ticket["organization_id"] for ticket in shown}
            payload["organizations"] = [org for org in desk.organizations if org["id"] in ids]

    @routes("GET", f"{API}/incremental/users/cursor", tags="incremental-exports-cursor")
    def export_users(self, call: Call) -> Reply:
        rows = call.book.view(Desk).users
        _, payload = self.export_by_cursor(
            call, "users", rows, lambda user: (_seconds(user["updated_at"]), user["id"]), lambda user: user
        )
        return Reply(payload, items="users")

    @routes("GET", f"{API}/incremental/users", tags="incremental-exports")
    def export_users_by_time(self, call: Call) -> Reply:
        rows = call.book.view(Desk).users
        _, payload = self.export_by_time(
            call, "users", rows, lambda user: _seconds(user["updated_at"]), lambda user: user
        )
        return Reply(payload, items="users")

    @routes("GET", f"{API}/incremental/organizations", tags="incremental-exports")
    def export_organizations(self, call: Call) -> Reply:
        rows = call.book.view(Desk).organizations
        _, payload = self.export_by_time(
            call, "organizations", rows, lambda org: _seconds(org["updated_at"]), lambda org: org
        )
        return Reply(payload, items="organizations")

    @routes("GET", f"{API}/incremental/ticket_events", tags="incremental-exports")
    def export_ticket_events(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        with_comments = "comment_events" in call.values("include")
        _, payload = self.export_by_time(
            call,
            "ticket_events",
            desk.ticket_events,
            lambda audit: epoch(audit.visible_at),
            lambda audit: self.show_event(desk, audit, with_comments),
        )
        return Reply(payload, items="ticket_events")

    @staticmethod
    def show_event(desk: Desk, audit: Audit, with_comments: bool) -> dict[str, Any]:
        children: list[dict[str, Any]] = []
        for comment in audit.comments:
            if with_comments:
                children.append({**desk.show_comment(comment, audit.id), "event_type": "Comment"})
            else:
                children.append(
                    {
                        "id": comment.id,
                        "event_type": "Comment",
                        "comment_present": True,
                        "comment_public": comment.is_public,
                        "via": comment.via,
                    }
                )
        for event in audit.events:
            child: dict[str, Any] = {
                "id": event["id"],
                "via": audit.via,
                "via_reference_id": None,
                "event_type": event["type"],
                event["field_name"]: event["value"],
            }
            if event["type"] == "Change":
                child["previous_value"] = event["previous_value"]
                if event["field_name"] == "tags":
                    now, was = event["value"] or [], event["previous_value"] or []
                    child["added_tags"] = [tag for tag in now if tag not in was]
                    child["removed_tags"] = [tag for tag in was if tag not in now]
            children.append(child)
        return {
            "id": audit.id,
            "ticket_id": audit.ticket_id,
            "timestamp": epoch(audit.visible_at),
            "created_at": iso(audit.at),
            "updater_id": audit.author_id,
            "via": audit.via,
            "system": {"client": "Norte sandbox", "location": None},
            "event_type": "Audit",
            "child_events": children,
        }

    @routes("GET", f"{API}/incremental/ticket_metric_events", tags="incremental-exports")
    def export_metric_events(self, call: Call) -> Reply:
        rows = call.book.view(_metric_events)
        if "page[size]" in call.query:
            since = self.start_time(call, call.query.get("start_time")) if "start_time" in call.query else 0
            held = epoch(call.book.now) - HELD_BACK
            return self.page(
                call, "ticket_metric_events", [row for row in rows if since <= _seconds(row["time"]) <= held]
            )
        _, payload = self.export_by_time(
            call, "ticket_metric_events", rows, lambda row: _seconds(row["time"]), lambda row: row
        )
        return Reply(payload, items="ticket_metric_events")

    # --- tickets

    @staticmethod
    def listed(call: Call) -> list[Ticket]:
        """Tickets of the lists: neither deleted nor archived, by id."""
        horizon = call.book.now - timedelta(days=ARCHIVED_AFTER_DAYS)
        return [
            ticket
            for ticket in call.book.view(Desk).tickets.values()
            if not ticket.entity.is_deleted
            and not ticket.entity.first["is_ai_agent"]
            and not (ticket.statuses[-1][0] == "closed" and ticket.statuses[-1][1] < horizon)
        ]

    @routes("GET", f"{API}/tickets")
    def list_tickets(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        reply = self.page(call, "tickets", self.listed(call), desk.show)
        page = [desk.tickets[item["id"]] for item in reply.payload["tickets"]]
        self.side_load(call, desk, page, reply.payload)
        return reply

    @routes("GET", f"{API}/tickets/count")
    def count_tickets(self, call: Call) -> Reply:
        return Reply({"count": {"value": len(self.listed(call)), "refreshed_at": iso(call.book.now)}})

    @routes("GET", f"{API}/tickets/show_many")
    def show_tickets(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        wanted = [int(text) for text in call.values("ids") if text.isdigit()][:100]
        found = [
            desk.show(desk.tickets[one])
            for one in wanted
            if one in desk.tickets and not desk.tickets[one].entity.is_deleted
        ]
        return Reply(
            {"tickets": found, "count": len(found), "next_page": None, "previous_page": None}, items="tickets"
        )

    def ticket(self, call: Call) -> Ticket:
        """The ticket of a path. Raises Refusal: a deleted one is gone."""
        ticket = call.book.view(Desk).tickets.get(_number(call.params["id"], 0))
        if ticket is None or ticket.entity.is_deleted:
            raise Refusal(self.gone())
        return ticket

    @routes("GET", f"{API}/tickets/{{id}}")
    def get_ticket(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        ticket = self.ticket(call)
        payload: dict[str, Any] = {"ticket": desk.show(ticket)}
        self.side_load(call, desk, [ticket], payload)
        return Reply(payload)

    @routes("GET", f"{API}/tickets/{{id}}/comments")
    def list_comments(self, call: Call) -> Reply:
        desk, ticket = call.book.view(Desk), self.ticket(call)
        pairs = [(comment, audit.id) for audit in desk.audits(ticket) for comment in audit.comments]
        return self.page(call, "comments", pairs, lambda pair: desk.show_comment(*pair))

    @routes("GET", f"{API}/tickets/{{id}}/audits", tags="ticket-audits")
    def list_audits(self, call: Call) -> Reply:
        desk, ticket = call.book.view(Desk), self.ticket(call)
        return self.page(call, "audits", desk.audits(ticket), lambda audit: self.show_audit(desk, audit))

    @routes("GET", f"{API}/ticket_audits")
    def list_all_audits(self, call: Call) -> Reply:
        """All audits of tickets that are not archived, read backwards from the newest."""
        desk = call.book.view(Desk)
        alive = {ticket.id for ticket in self.listed(call)}
        rows = [audit for audit in desk.ticket_events if audit.ticket_id in alive]
        size = min(max(1, _number(call.query.get("limit"), 1000)), 1000)
        cursor = call.query.get("cursor")
        stop = _read_cursor(cursor) if cursor else len(rows)
        if stop is None:
            raise self.invalid("InvalidCursor", "The cursor is invalid")
        start = max(0, min(stop, len(rows)) - size)
        before, after = _cursor(start), _cursor(stop)
        payload = {
            "audits": [self.show_audit(desk, audit) for audit in reversed(rows[start:stop])],
            "before_cursor": before if start else None,
            "before_url": self.link(call, cursor=before) if start else None,
            "after_cursor": after,
            "after_url": self.link(call, cursor=after),
        }
        return Reply(payload, items="audits")

    @staticmethod
    def show_audit(desk: Desk, audit: Audit) -> dict[str, Any]:
        events: list[dict[str, Any]] = [desk.show_comment(comment, audit.id) for comment in audit.comments]
        events += audit.events
        return {
            "id": audit.id,
            "ticket_id": audit.ticket_id,
            "created_at": iso(audit.at),
            "author_id": audit.author_id,
            "metadata": {"system": {}, "custom": {}},
            "events": events,
            "via": audit.via,
        }

    @routes("GET", f"{API}/tickets/{{id}}/metrics")
    def get_metrics(self, call: Call) -> Reply:
        return Reply({"ticket_metric": call.book.view(Desk).metric_set(self.ticket(call))})

    @routes("GET", f"{API}/ticket_metrics")
    def list_metrics(self, call: Call) -> Reply:
        return self.page(call, "ticket_metrics", self.listed(call), call.book.view(Desk).metric_set)

    @routes("GET", f"{API}/deleted_tickets")
    def list_deleted(self, call: Call) -> Reply:
        horizon = call.book.now - timedelta(days=DELETED_DAYS)
        rows = [
            {
                "id": ticket.id,
                "subject": ticket.row["subject"],
                "description": ticket.row["text"],
                "actor": {"id": AGENTS, "name": "System"},
                "deleted_at": iso(ticket.entity.deleted_at),
                "previous_state": ticket.statuses[-1][0],
            }
            for ticket in call.book.view(Desk).tickets.values()
            if ticket.entity.deleted_at is not None and ticket.entity.deleted_at >= horizon
        ]
        return self.page(call, "deleted_tickets", rows)

    # --- people

    @routes("GET", f"{API}/users")
    def list_users(self, call: Call) -> Reply:
        roles = set(call.query.getlist("role") + call.query.getlist("role[]"))
        users = sorted(call.book.view(Desk).users, key=lambda user: user["id"])
        return self.page(
            call, "users", [user for user in users if user["active"] and (not roles or user["role"] in roles)]
        )

    @routes("GET", f"{API}/users/me")
    def me(self, call: Call) -> Reply:
        user = {
            "id": AGENTS,
            "name": "Pipeline",
            "email": credentials.ZENDESK_EMAIL,
            "role": "admin",
            "active": True,
            "time_zone": "UTC",
            "iana_time_zone": "UTC",
        }
        return Reply({"user": user})

    @routes("GET", f"{API}/users/count")
    def count_users(self, call: Call) -> Reply:
        count = sum(1 for user in call.book.view(Desk).users if user["active"])
        return Reply({"count": {"value": count, "refreshed_at": iso(call.book.now)}})

    @routes("GET", f"{API}/users/show_many")
    def show_users(self, call: Call) -> Reply:
        wanted = {int(text) for text in call.values("ids") if text.isdigit()}
        found = [user for user in call.book.view(Desk).users if user["id"] in wanted]
        return Reply(
            {"users": found, "count": len(found), "next_page": None, "previous_page": None}, items="users"
        )

    @routes("GET", f"{API}/users/{{id}}")
    def get_user(self, call: Call) -> Reply:
        return self.one(call, "user", call.book.view(Desk).users)

    def one(self, call: Call, key: str, rows: Sequence[dict[str, Any]]) -> Reply:
        for row in rows:
            if str(row["id"]) == call.params["id"]:
                return Reply({key: row})
        return self.gone()

    @routes("GET", f"{API}/search")
    def search(self, call: Call) -> Reply:
        """Offset pages over at most 1,000 rows of all types; more is refused."""
        desk = call.book.view(Desk)

        def rows_of(kind: str) -> Iterable[dict[str, Any]]:
            if kind == "ticket":
                return [desk.show(ticket) for ticket in desk.tickets.values() if not ticket.entity.is_deleted]
            rows = {"user": desk.users, "organization": desk.organizations, "group": desk.groups}[kind]
            return [row for row in rows if row.get("active", True) and not row.get("deleted_at")]

        try:
            rows = searching.found(call.query.get("query", ""), rows_of)
        except ValueError as error:
            return Reply({"error": "invalid", "description": f"Invalid search: {error}"}, status=422)
        size = min(max(1, _number(call.query.get("per_page"), 100)), 100)
        if max(1, _number(call.query.get("page"), 1)) * size > MOST_SEARCHED:
            return Reply(
                {
                    "error": "invalid",
                    "description": "Invalid search: Requested response size was greater than "
                    "Search Response Limits",
                },
                status=422,
            )
        return self.page(call, "results", rows)

    @routes("GET", f"{API}/organizations")
    def list_organizations(self, call: Call) -> Reply:
        rows = [org for org in call.book.view(Desk).organizations if org["deleted_at"] is None]
        return self.page(call, "organizations", sorted(rows, key=lambda org: org["id"]))

    @routes("GET", f"{API}/organizations/count")
    def count_organizations(self, call: Call) -> Reply:
        count = sum(1 for org in call.book.view(Desk).organizations if org["deleted_at"] is None)
        return Reply({"count": {"value": count, "refreshed_at": iso(call.book.now)}})

    @routes("GET", f"{API}/organizations/{{id}}")
    def get_organization(self, call: Call) -> Reply:
        rows = [org for org in call.book.view(Desk).organizations if org["deleted_at"] is None]
        return self.one(call, "organization", rows)

    @routes("GET", f"{API}/organization_memberships")
    def list_organization_memberships(self, call: Call) -> Reply:
        rows = [
            {
                "id": user["id"] * 10,
                "user_id": user["id"],
                "organization_id": user["organization_id"],
                "default": True,
                "created_at": user["created_at"],
                "updated_at": user["updated_at"],
            }
            for user in sorted(call.book.view(Desk).users, key=lambda user: user["id"])
            if user["organization_id"] is not None and user["active"]
        ]
        return self.page(call, "organization_memberships", rows)

    @routes("GET", f"{API}/groups")
    def list_groups(self, call: Call) -> Reply:
        return self.page(call, "groups", call.book.view(Desk).groups)

    @routes("GET", f"{API}/groups/{{id}}")
    def get_group(self, call: Call) -> Reply:
        return self.one(call, "group", call.book.view(Desk).groups)

    @routes("GET", f"{API}/group_memberships")
    def list_group_memberships(self, call: Call) -> Reply:
        rows = [
            {
                "id": user["id"] * 10,
                "user_id": user["id"],
                "group_id": user["default_group_id"],
                "default": True,
                "created_at": user["created_at"],
                "updated_at": user["updated_at"],
            }
            for user in sorted(call.book.view(Desk).users, key=lambda user: user["id"])
            if user["default_group_id"] is not None and user["active"]
        ]
        return self.page(call, "group_memberships", rows)

    # --- satisfaction

    @routes("GET", f"{API}/satisfaction_ratings")
    def list_ratings(self, call: Call) -> Reply:
        desk = call.book.view(Desk)
        since, until = (_number(call.query.get(name), None) for name in ("start_time", "end_time"))
        score = call.query.get("score")
        rows = []
        for row in sorted(call.book.rows("ticket_ratings"), key=lambda row: row["rating_id"]):
            at = epoch(row["rated_at"])
            if (since is not None and at < since) or (until is not None and at > until):
                continue
            if score and score not in (row["score"], "received") and not _with_comment(row, score):
                continue
            ticket = desk.tickets.get(row["ticket_id"])
            shown = desk.show(ticket) if ticket else {}
            rows.append(
                {
                    "id": row["rating_id"],
                    "url": f"{desk.base}/satisfaction_ratings/{row['rating_id']}.json",
                    "assignee_id": shown.get("assignee_id"),
                    "group_id": shown.get("group_id"),
                    "requester_id": desk.user_of_person(row["person_id"]),
                    "ticket_id": row["ticket_id"],
                    "score": row["score"],
                    "comment": row["text"],
                    "reason": None,
                    "reason_id": None,
                    "reason_code": None,
                    "created_at": iso(row["rated_at"]),
                    "updated_at": iso(row["rated_at"]),
                }
            )
        return self.page(call, "satisfaction_ratings", rows)

    @routes("GET", f"{API}/guide/survey_responses")
    def list_survey_responses(self, call: Call) -> Reply:
        if not self.plan["survey_responses"]:
            return self.missing(call)
        since = _number(call.query.get("filter[created_at_start]"), 0)
        until = _number(call.query.get("filter[created_at_end]"), 1 << 60)
        desk = call.book.view(Desk)
        rows = [
            row
            for row in sorted(call.book.rows("ticket_ratings"), key=lambda row: row["rating_id"])
            if since <= epoch(max(row["rated_at"], row["visible_at"])) * 1000 <= until
        ]
        if "page[size]" not in call.query:
            start = _read_cursor(call.query.get("page[after]")) or 0
            show = self._shower(desk)
            return Reply(
                self.cursor_page(call, "survey_responses", rows, show, start, 100), items="survey_responses"
            )
        return self.page(call, "survey_responses", rows, self._shower(desk))

    @staticmethod
    def _shower(desk: Desk) -> Callable[[Any], Any]:
        def show(row: dict[str, Any]) -> dict[str, Any]:
            at = iso(row["rated_at"])
            is_good = row["score"] == "good"
            answers: list[dict[str, Any]] = [
                {
                    "type": "rating_scale",
                    "rating": (4 if is_good else 1) + row["rating_id"] % 2,
                    "rating_category": row["score"],
                    "question": {"id": "01JQUESTIONRATING", "type": "rating_scale", "sub_type": "emoji"},
                    "created_at": at,
                    "updated_at": at,
                }
            ]
            question = {"id": "01JQUESTIONCOMMENT", "type": "open_ended", "sub_type": "text"}
            if row["text"]:
                answers.append(
                    {
                        "type": "open_ended",
                        "value": row["text"],
                        "question": question,
                        "created_at": at,
                        "updated_at": at,
                    }
                )
            else:
                answers.append({"type": "skipped", "question": question, "created_at": at, "updated_at": at})
            return {
                "id": f"R{row['rating_id']}",
                "responder_id": desk.user_of_person(row["person_id"]),
                "subjects": [
                    {
                        "id": str(row["ticket_id"]),
                        "type": "ticket",
                        "zrn": f"zen:ticket:{row['ticket_id']}",
                    }
                ],
                "answers": answers,
                "expires_at": iso(row["rated_at"] + timedelta(days=28)),
                "survey": {"id": "01JSURVEYCSAT", "version": 1, "state": "enabled"},
            }

        return show

    # --- links to Jira

    @routes("GET", "/api/services/jira/links")
    def list_jira_links(self, call: Call) -> Reply:
        self.needs_links()
        rows = self.links(call)
        since = _number(call.query.get("since_id"), 0)
        size = min(_number(call.query.get("limit"), 1000), 1000)
        later = [row for row in rows if row["id"] > since]
        for name in ("ticket_id", "issue_id"):
            if wanted := call.query.get(name):
                later = [row for row in later if str(row[name]) == wanted]
        # zenpy pages until `total` is 0: it counts what is left from here, not all links.
        return Reply({"links": later[:size], "total": len(later)}, items="links")

    @routes("GET", f"{API}/integrations/jira/{{external_id}}/links")
    def list_integration_links(self, call: Call) -> Reply:
        self.needs_links()
        if call.params["external_id"] != credentials.ZENDESK_JIRA_INTEGRATION:
            return self.gone()
        names = ("ticket_id", "issue_id", "issue_key")
        rows = [{name: str(row[name]) for name in names} for row in self.links(call)]
        for name in ("ticket_id", "issue_id"):
            if wanted := call.query.get(name):
                rows = [row for row in rows if row[name] == wanted]
        return self.link_page(call, rows, 100)

    @routes("GET", f"{API}/jira/links")
    def list_links(self, call: Call) -> Reply:
        self.needs_links()
        rows = self.links(call)
        for name in ("ticket_id", "issue_id"):
            if wanted := call.query.get(f"filter[{name}]"):
                rows = [row for row in rows if str(row[name]) == wanted]
        return self.link_page(call, rows, 1000)

    def link_page(self, call: Call, rows: list[dict[str, Any]], most: int) -> Reply:
        """A cursor page of links; its `links` are the rows, so the next page is known by `meta` alone."""
        start = _read_cursor(call.query.get("page[after]"))
        if start is None:
            raise self.invalid("InvalidCursor", "The cursor is invalid")
        size = min(max(1, _number(call.query.get("page[size]"), most)), most)
        payload = self.cursor_page(call, "rows", rows, lambda row: row, start, size)
        return Reply({"links": payload["rows"], "meta": payload["meta"]}, items="links")

    def needs_links(self) -> None:
        if not self.plan["jira_links"]:
            message = {
                "title": "Forbidden",
                "message": "You do not have access to this page. "
                "Please contact the account owner of this help desk for further help.",
            }
            raise Refusal(Reply({"error": message}, status=403))

    @staticmethod
    def links(call: Call) -> list[dict[str, Any]]:
        """Links by id. A link stays when its issue is deleted; it goes with its ticket."""
        desk = call.book.view(Desk)
        return [
            {
                "id": row["link_id"],
                "ticket_id": str(row["ticket_id"]),
                "issue_id": str(row["issue_id"]),
                "issue_key": desk.key_of_issue.get(row["issue_id"]),
                "created_at": iso(row["created_at"]),
                "updated_at": iso(row["created_at"]),
            }
            for row in sorted(call.book.rows("ticket_issue_links"), key=lambda row: row["link_id"])
            if row["ticket_id"] in desk.tickets and not desk.tickets[row["ticket_id"]].entity.is_deleted
        ]

    # --- settings of the account

    @routes("GET", f"{API}/tags")
    def list_tags(self, call: Call) -> Reply:
        counts: dict[str, int] = {}
        desk = call.book.view(Desk)
        for ticket in self.listed(call):
            for tag in desk.tags_of(ticket):
                counts[tag] = counts.get(tag, 0) + 1
        rows = [
            {"name": tag, "count": count}
            for tag, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        ]
        return self.page(call, "tags", rows)

    @routes("GET", f"{API}/ticket_fields")
    def list_ticket_fields(self, call: Call) -> Reply:
        kinds = ("subject", "description", "status", "tickettype", "priority", "group", "assignee")
        rows = [
            {
                "id": 360_000_000_100 + at,
                "type": kind,
                "title": kind.capitalize(),
                "active": True,
                "required": False,
                "removable": False,
                "created_at": iso(_start(call)),
                "updated_at": iso(_start(call)),
            }
            for at, kind in enumerate(kinds)
        ]
        return self.page(call, "ticket_fields", rows)

    @routes("GET", f"{API}/user_fields")
    def list_user_fields(self, call: Call) -> Reply:
        return self.page(call, "user_fields", [])

    @routes("GET", f"{API}/organization_fields")
    def list_organization_fields(self, call: Call) -> Reply:
        return self.page(call, "organization_fields", [])

    @routes("GET", f"{API}/macros")
    def list_macros(self, call: Call) -> Reply:
        return self.page(call, "macros", [])

    @routes("GET", f"{API}/channels/voice/phone_numbers")
    def list_phone_numbers(self, call: Call) -> Reply:
        return self.page(call, "phone_numbers", [])

    @routes("GET", f"{API}/ticket_forms")
    def list_ticket_forms(self, call: Call) -> Reply:
        at = iso(_start(call))
        rows = [
            {
                "id": TICKET_FORM,
                "name": "Default",
                "active": True,
                "default": True,
                "created_at": at,
                "updated_at": at,
            }
        ]
        return self.page(call, "ticket_forms", rows)

    @routes("GET", f"{API}/brands")
    def list_brands(self, call: Call) -> Reply:
        at = iso(_start(call))
        rows = [
            {
                "id": BRAND,
                "name": "Main",
                "subdomain": credentials.ZENDESK_SUBDOMAIN,
                "active": True,
                "default": True,
                "created_at": at,
                "updated_at": at,
            }
        ]
        return self.page(call, "brands", rows)

    @routes("GET", f"{API}/custom_statuses")
    def list_custom_statuses(self, call: Call) -> Reply:
        at = iso(_start(call))
        rows = [
            {
                "id": 360_000_000_200 + number,
                "status_category": status,
                "agent_label": status.capitalize(),
                "end_user_label": status.capitalize(),
                "active": True,
                "default": True,
                "created_at": at,
                "updated_at": at,
            }
            for number, status in enumerate(("new", "open", "pending", "hold", "solved"))
        ]
        return Reply({"custom_statuses": rows}, items="custom_statuses")

    @routes("GET", f"{API}/slas/policies")
    def list_sla_policies(self, call: Call) -> Reply:
        return Reply(
            {"sla_policies": [], "count": 0, "next_page": None, "previous_page": None}, items="sla_policies"
        )


def _metric_events(book: Any) -> list[dict[str, Any]]:
    """When the clocks of each ticket's metrics began, paused and ended, by time."""
    desk = book.view(Desk)
    rows: list[dict[str, Any]] = []
    counts: dict[int, int] = {}

    def add(ticket: Ticket, metric: str, instance: int, kind: str, at: datetime, **more: Any) -> None:
        number = ticket.id * 1000 + counts.get(ticket.id, 0)
        counts[ticket.id] = counts.get(ticket.id, 0) + 1
        rows.append(
            {
                "id": number,
                "ticket_id": ticket.id,
                "metric": metric,
                "instance_id": instance,
                "type": kind,
                "time": iso(at),
                **more,
            }
        )

    for ticket in desk.tickets.values():
        if ticket.entity.is_deleted:
            continue
        add(ticket, "reply_time", 1, "activate", ticket.entity.created_at)
        first = next((c for c in ticket.comments if c.is_human_agent and c.is_public), None)
        if first is not None:
            add(ticket, "reply_time", 1, "fulfill", first.at)
        running = {"agent_work_time": ("new", "open"), "requester_wait_time": ("new", "open", "hold")}
        for metric, states in running.items():
            instance, is_on, minutes, since = 0, False, 0.0, ticket.entity.created_at
            for status, begin in ticket.statuses:
                if is_on:
                    minutes += (begin - since).total_seconds() / 60
                is_running = status in states
                if is_running and not is_on:
                    instance += 1
                    add(ticket, metric, instance, "activate", begin)
                elif is_on and not is_running:
                    kind = "fulfill" if status in ("solved", "closed") else "pause"
                    whole = {"calendar": int(minutes), "business": int(minutes)}
                    add(ticket, metric, instance, "update_status", begin, status=whole)
                    add(ticket, metric, instance, kind, begin)
                is_on, since = is_running, begin
    return sorted(rows, key=lambda row: (row["time"], row["id"]))


def _start(call: Call) -> datetime:
    return call.book.meta.starts_at.replace(tzinfo=None)


def _seconds(text: str) -> int:
    return epoch(datetime.fromisoformat(text[:-1]))


def _whole(seconds: float) -> int:
    return max(1, int(seconds + 0.999))


def _bucket(verdict: Verdict) -> str:
    return f"total={verdict.limit}; remaining={verdict.remaining}; resets={_whole(verdict.resets_in)}"


def _number(text: str | None, default: Any) -> Any:
    try:
        return default if text is None else int(float(text))
    except ValueError:
        return default


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"o:{position}".encode()).decode()


def _read_cursor(cursor: str | None) -> int | None:
    if not cursor:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
        return int(number) if kind == "o" else None
    except (ValueError, UnicodeDecodeError):
        return None


def _position(seconds: int, number: int) -> str:
    return base64.b64encode(f"{seconds}.0||{number}".encode()).decode()


def _read_position(cursor: str) -> tuple[int, int] | None:
    try:
        seconds, _, number = base64.b64decode(cursor).decode().partition("||")
        return int(float(seconds)), int(number)
    except (ValueError, UnicodeDecodeError):
        return None


def _with_comment(row: Mapping[str, Any], score: str) -> bool:
    if score == "received_with_comment":
        return bool(row["text"])
    return score == f"{row['score']}_{'with' if row['text'] else 'without'}_comment"


VENDOR = Zendesk
