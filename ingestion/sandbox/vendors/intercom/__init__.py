"""Intercom's REST API: versions, searches, scroll, lists, windows of ten seconds.

Belongs here: paths, pages, authentication, limits, errors. Does not belong here: what the objects hold
(`inbox.py`), what a search finds (`search.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ingestion.sandbox import credentials
from ingestion.sandbox.limits import FixedWindow
from ingestion.sandbox.vendors.intercom.inbox import (
    ISSUES,
    KIND,
    OPERATOR,
    PRIORITY,
    Conversation,
    Inbox,
    epoch,
    html_of,
    paged,
)
from ingestion.sandbox.vendors.intercom.search import SearchInvalidError, matcher, page
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
VERSIONS = tuple(f"2.{minor}" for minor in range(18))
WINDOW_SECONDS = 10
SCROLL_PAGE = 100
SCROLL_IDLE_SECONDS = 60
MOST_PER_PAGE = 150
MOST_LISTED_COMPANIES = 10_000
_CONTACT_DATES = frozenset({"created_at", "updated_at", "signed_up_at", "last_seen_at", "last_replied_at"})
_CONVERSATION_DATES = frozenset(
    {
        "created_at",
        "updated_at",
        "waiting_since",
        "snoozed_until",
        "statistics.first_close_at",
        "statistics.last_close_at",
    }
)


@dataclass
class Scroll:
    """The one open scroll of the app."""

    param: str
    position: int
    used_at: float


class Intercom(Vendor):
    """One workspace in the US, asked by a private app."""

    name = "intercom"
    hosts = ("api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io")
    certificate_hosts = hosts
    routes = routes
    PLAN: ClassVar[Mapping[str, Any]] = {
        "requests_per_minute": 1000,  # cut into windows of ten seconds; 10,000 for older apps
        "app_version": "2.14",  # what the app is configured for: holds where a request names no version
        "search_lag_seconds": 0,  # how far the search index is behind
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.window = FixedWindow(math.ceil(self.plan["requests_per_minute"] / 6), WINDOW_SECONDS)
        self.scroll: Scroll | None = None

    # --- what every call goes through

    def authenticate(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(self.error(call, 401, "unauthorized", "Access Token Invalid"))
        if token != credentials.INTERCOM_ACCESS_TOKEN:
            raise Refusal(self.error(call, 401, "token_unauthorized", "Access Token Invalid"))

    def meter(self, call: Call) -> None:
        verdict = self.window.take(call.at)
        call.reply_headers.update(
            {
                "X-RateLimit-Limit": str(verdict.limit or 1_000_000),
                "X-RateLimit-Remaining": str(verdict.remaining),
                "X-RateLimit-Reset": str(epoch(call.book.now) + math.ceil(verdict.resets_in)),
            }
        )
        if not verdict.allowed:
            raise Refusal(self.too_many(call, None))
        call.reply_headers["Intercom-Version"] = version = self.version_text(call)
        if version not in VERSIONS:
            message = f"The requested version {version!r} is not supported"
            raise Refusal(self.error(call, 400, "intercom_version_invalid", message))

    def version_text(self, call: Call) -> str:
        return call.headers.get("intercom-version") or str(self.plan["app_version"])

    def version(self, call: Call) -> int:
        """The minor version that the answer keeps to."""
        return int(self.version_text(call).partition(".")[2])

    @staticmethod
    def error(call: Call, status: int, code: str, message: str) -> Reply:
        errors = [{"code": code, "message": message}]
        return Reply({"type": "error.list", "request_id": call.request_id(), "errors": errors}, status=status)

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        limit = self.window.limit
        message = f"Exceeded rate limit of {limit} in {WINDOW_SECONDS}_seconds"
        reply = self.error(call, 429, "rate_limit_exceeded", message)
        # When to come back is said by X-RateLimit-Reset; there is no Retry-After.
        if "X-RateLimit-Reset" not in call.reply_headers:
            reset = epoch(call.book.now) + (WINDOW_SECONDS if retry_after is None else retry_after)
            reply.headers.update(
                {
                    "X-RateLimit-Limit": str(limit),
                    "X-RateLimit-Remaining": "0",
                    "X-RateLimit-Reset": str(reset),
                }
            )
        return reply

    def missing(self, call: Call) -> Reply:
        return self.error(call, 404, "not_found", "The requested resource was not found")

    def broken(self, call: Call, status: int) -> Reply:
        return self.error(call, status, "server_error", "Something went wrong on our side")

    def bad_body(self, call: Call, problem: str) -> Reply:
        return self.error(call, 400, "bad_request", f"bad 'Content-Type' or malformed JSON: {problem}")

    def invalid(self, call: Call, message: str) -> Refusal:
        return Refusal(self.error(call, 400, "parameter_invalid", message))

    def inbox(self, call: Call) -> Inbox:
        return call.book.view(Inbox)

    def indexed(self, call: Call) -> Inbox:
        """The workspace as the search index knows it."""
        return call.book.lagged(self.plan["search_lag_seconds"]).view(Inbox)

    def size(self, call: Call, asked: Any, default: int, most: int = MOST_PER_PAGE) -> int:
        try:
            size = default if asked is None else int(asked)
        except (TypeError, ValueError):
            raise self.invalid(call, "per_page must be a number") from None
        if not 0 < size <= most:
            raise self.invalid(call, f"per_page must be between 1 and {most}")
        return size

    # --- searches and lists with a cursor

    def search(
        self,
        call: Call,
        objects: Sequence[Mapping[str, Any]],
        show: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        *,
        kind: str,
        key: str,
        default: int,
        dates: frozenset[str],
        zone: ZoneInfo | None = None,
    ) -> Reply:
        body = call.json if isinstance(call.json, Mapping) else {}
        paging = body.get("pagination") or {}
        order = body.get("sort") or {}
        size = self.size(call, paging.get("per_page"), default)
        try:
            test = matcher(body.get("query"), zone, dates)
            found = [one for one in objects if test(one)]
            shown, after = page(
                found,
                field=order.get("field") or "updated_at",
                descending=str(order.get("order") or "descending").startswith("desc"),
                after=paging.get("starting_after"),
                size=size,
            )
        except SearchInvalidError as problem:
            raise self.invalid(call, str(problem)) from problem
        return self.cursor_reply(kind, key, [show(one) for one in shown], len(found), size, after)

    def listed(
        self,
        call: Call,
        objects: Sequence[Mapping[str, Any]],
        show: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        *,
        kind: str,
        key: str,
        default: int,
    ) -> Reply:
        size = self.size(call, call.query.get("per_page"), default)
        try:
            shown, after = page(
                objects,
                field="created_at",
                descending=True,
                after=call.query.get("starting_after"),
                size=size,
            )
        except SearchInvalidError as problem:
            raise self.invalid(call, str(problem)) from problem
        return self.cursor_reply(kind, key, [show(one) for one in shown], len(objects), size, after)

    @staticmethod
    def cursor_reply(
        kind: str, key: str, shown: Sequence[Any], total: int, size: int, after: str | None
    ) -> Reply:
        pages: dict[str, Any] = {
            "type": "pages",
            "page": 1,
            "per_page": size,
            "total_pages": math.ceil(total / size),
        }
        if after is not None:
            # On the last page the key is absent.
            pages["next"] = {"page": 2, "starting_after": after}
        return Reply({"type": kind, key: list(shown), "total_count": total, "pages": pages}, items=key)

    # --- conversations

    def showing(self, call: Call) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """A conversation's head in the shape of the version asked for."""
        version = self.version(call)
        as_text = call.query.get("display_as") == "plaintext"

        def show(head: Mapping[str, Any]) -> dict[str, Any]:
            told = dict(head)
            if not as_text:
                told["source"] = {**told["source"], "body": html_of(told["source"]["body"] or "")}
            if version < 16:
                for name in ("admin_assignee_id", "team_assignee_id"):
                    told[name] = None if told[name] is None else int(told[name])
                del told["channel"]
            if version < 15:
                del told["company"]
            return told

        return show

    @routes("POST", "/conversations/search")
    def search_conversations(self, call: Call) -> Reply:
        inbox = self.indexed(call)
        return self.search(
            call,
            [inbox.show(one) for one in inbox.living],
            self.showing(call),
            kind="conversation.list",
            key="conversations",
            default=20,
            dates=_CONVERSATION_DATES,
        )

    @routes("GET", "/conversations")
    def list_conversations(self, call: Call) -> Reply:
        inbox = self.inbox(call)
        return self.listed(
            call,
            [inbox.show(one) for one in inbox.living],
            self.showing(call),
            kind="conversation.list",
            key="conversations",
            default=20,
        )

    @routes("GET", "/conversations/deleted")
    def list_deleted(self, call: Call) -> Reply:
        if self.version(call) < 16:
            return self.missing(call)
        rows = self.inbox(call).deleted
        if call.query.get("order", "desc") != "asc":
            rows = rows[::-1]
        size = self.size(call, call.query.get("per_page"), 20)
        number = max(1, int(call.query.get("page") or 1))
        start = (number - 1) * size
        total = math.ceil(len(rows) / size)
        pages: dict[str, Any] = {"type": "pages", "page": number, "per_page": size, "total_pages": total}
        if number < total:
            pages["next"] = {"page": number + 1}
        return Reply(
            {
                "type": "conversation.list",
                "conversations": rows[start : start + size],
                "total_count": len(rows),
                "pages": pages,
            },
            items="conversations",
        )

    @routes("GET", "/conversations/{id}")
    def read_conversation(self, call: Call) -> Reply:
        inbox = self.inbox(call)
        one: Conversation | None = inbox.conversations.get(call.params["id"])
        if one is None or one.entity.is_deleted:
            return self.error(call, 404, "not_found", "Conversation not found")
        as_text = call.query.get("display_as") == "plaintext"
        told = self.showing(call)(inbox.show(one))
        told["conversation_parts"] = inbox.parts(one, as_text)
        return Reply(told)

    # --- contacts

    @routes("POST", "/contacts/search")
    def search_contacts(self, call: Call) -> Reply:
        zone = None if self.version(call) >= 17 else ZoneInfo(call.book.meta.time_zone)
        return self.search(
            call,
            list(self.indexed(call).contacts.values()),
            self.contact(call),
            kind="list",
            key="data",
            default=50,
            dates=_CONTACT_DATES,
            zone=zone,
        )

    @routes("GET", "/contacts")
    def list_contacts(self, call: Call) -> Reply:
        contacts = list(self.inbox(call).contacts.values())
        return self.listed(call, contacts, self.contact(call), kind="list", key="data", default=50)

    def contact(self, call: Call) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """A contact; with what was merged into it when that is asked for."""
        inbox = self.inbox(call)
        with_history = self.version(call) >= 16 and call.flag("include_merge_history")

        def show(found: Mapping[str, Any]) -> dict[str, Any]:
            if not with_history:
                return dict(found)
            return {**found, "merge_history": inbox.merge_history(found["id"])}

        return show

    def found_contact(self, call: Call) -> dict[str, Any]:
        found = self.inbox(call).contacts.get(call.params["id"])
        if found is None:
            raise Refusal(self.error(call, 404, "not_found", "User Not Found"))
        return found

    @routes("GET", "/contacts/{id}")
    def read_contact(self, call: Call) -> Reply:
        return Reply(self.contact(call)(self.found_contact(call)))

    @routes("GET", "/contacts/{id}/merge_history")
    def read_merge_history(self, call: Call) -> Reply:
        if self.version(call) < 16:
            return self.missing(call)
        found = self.found_contact(call)
        history = self.inbox(call).merge_history(found["id"])
        return Reply({"type": "list", "data": history, "total_count": len(history)}, items="data")

    @routes("GET", "/contacts/{id}/companies")
    def list_companies_of(self, call: Call) -> Reply:
        inbox = self.inbox(call)
        wanted = {one["id"] for one in self.found_contact(call)["companies"]["data"]}
        rows = [one for one in inbox.companies if one["id"] in wanted]
        pages = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1}
        return Reply({"type": "list", "data": rows, "total_count": len(rows), "pages": pages}, items="data")

    @routes("GET", "/contacts/{id}/{list:tags|notes|segments|subscriptions}")
    def list_of_contact(self, call: Call) -> Reply:
        self.found_contact(call)
        return Reply({**paged([], ""), "pages": {"type": "pages", "page": 1, "total_pages": 0}}, items="data")

    # --- companies

    @routes("GET", "/companies/scroll")
    def scroll_companies(self, call: Call) -> Reply:
        rows = self.inbox(call).companies
        param = call.query.get("scroll_param")
        if self.scroll is not None and call.at - self.scroll.used_at >= SCROLL_IDLE_SECONDS:
            self.scroll = None
        if not param:
            if self.scroll is not None:
                message = "scroll already exists for this workspace"
                return self.error(call, 400, "scroll_exists", message)
            self.scroll = Scroll(f"scroll-{call.request_id()}", 0, call.at)
        elif self.scroll is None or self.scroll.param != param:
            return self.error(call, 404, "not_found", "scroll parameter not found")
        scroll = self.scroll
        shown = rows[scroll.position : scroll.position + SCROLL_PAGE]
        scroll.position, scroll.used_at = scroll.position + len(shown), call.at
        if not shown:
            # After the empty page the parameter is gone: the next call with it is a 404.
            self.scroll = None
        return Reply(
            {
                "type": "list",
                "data": shown,
                "pages": None,
                "total_count": None,
                "scroll_param": scroll.param,
            },
            items="data",
        )

    @routes("POST", "/companies/list")
    @routes("GET", "/companies")
    def list_companies(self, call: Call) -> Reply:
        body = call.json if call.method == "POST" and isinstance(call.json, Mapping) else {}
        rows = [one for one in self.inbox(call).companies if one["user_count"]][:MOST_LISTED_COMPANIES]
        size = self.size(call, call.query.get("per_page") or body.get("per_page"), 15, 60)
        number = max(1, int(call.query.get("page") or body.get("page") or 1))
        start, total = (number - 1) * size, math.ceil(len(rows) / size)
        pages: dict[str, Any] = {"type": "pages", "page": number, "per_page": size, "total_pages": total}
        if number < total:
            query = urlencode({"page": number + 1, "per_page": size})
            pages["next"] = f"{call.root}{call.path}?{query}"
        shown = rows[start : start + size]
        return Reply({"type": "list", "data": shown, "total_count": len(rows), "pages": pages}, items="data")

    @routes("GET", "/companies/{id}")
    def read_company(self, call: Call) -> Reply:
        for one in self.inbox(call).companies:
            if one["id"] == call.params["id"]:
                return Reply(one)
        return self.error(call, 404, "company_not_found", "Company Not Found")

    @routes("GET", "/companies/{id}/{list:segments|notes}")
    def list_of_company(self, call: Call) -> Reply:
        return Reply({"type": "list", "data": []}, items="data")

    # --- the workspace and its lists

    @routes("GET", "/me")
    def read_me(self, call: Call) -> Reply:
        meta = call.book.meta
        return Reply(
            {
                "type": "admin",
                "id": str(OPERATOR - 1),
                "email": credentials.INTERCOM_EMAIL,
                "name": "Norte",
                "email_verified": True,
                "app": {
                    "type": "app",
                    "id_code": credentials.INTERCOM_APP_ID,
                    "name": "Norte sandbox",
                    "created_at": epoch(meta.starts_at.replace(tzinfo=None)),
                    "secure": False,
                    "identity_verification": False,
                    "timezone": meta.time_zone,
                    "region": "US",
                },
                "avatar": {"type": "avatar", "image_url": None},
                "has_inbox_seat": False,
            }
        )

    @routes("GET", "/admins")
    def list_admins(self, call: Call) -> Reply:
        return Reply({"type": "admin.list", "admins": self.inbox(call).admins}, items="admins")

    @routes("GET", "/admins/activity_logs")
    def list_activity(self, call: Call) -> Reply:
        if not call.query.get("created_at_after"):
            raise self.invalid(call, "created_at_after is required")
        pages = {"type": "pages", "page": 1, "per_page": 20, "total_pages": 0, "next": None}
        return Reply(
            {"type": "activity_log.list", "activity_logs": [], "pages": pages}, items="activity_logs"
        )

    @routes("GET", "/admins/{id}")
    def read_admin(self, call: Call) -> Reply:
        for one in self.inbox(call).admins:
            if one["id"] == call.params["id"]:
                return Reply(one)
        return self.error(call, 404, "admin_not_found", "Admin not found")

    @routes("GET", "/teams")
    def list_teams(self, call: Call) -> Reply:
        return Reply({"type": "team.list", "teams": self.inbox(call).teams}, items="teams")

    @routes("GET", "/tags")
    def list_tags(self, call: Call) -> Reply:
        return Reply({"type": "list", "data": self.inbox(call).tags}, items="data")

    @routes("GET", "/segments")
    def list_segments(self, call: Call) -> Reply:
        return Reply({"type": "segment.list", "segments": []}, items="segments")

    @routes("GET", "/{list:ticket_types|ticket_states|brands}")
    def list_nothing(self, call: Call) -> Reply:
        return Reply({"type": "list", "data": []}, items="data")

    @routes("GET", "/data_attributes")
    def list_attributes(self, call: Call) -> Reply:
        model = call.query.get("model")
        rows = [
            {
                "type": "data_attribute",
                "id": number,
                "name": name,
                "full_name": f"custom_attributes.{name}",
                "label": name,
                "description": "",
                "data_type": "string",
                "model": owner,
                "custom": True,
                "archived": False,
                "api_writable": True,
                "ui_writable": True,
                "messenger_writable": False,
                "created_at": epoch(call.book.meta.starts_at.replace(tzinfo=None)),
                "updated_at": epoch(call.book.meta.starts_at.replace(tzinfo=None)),
            }
            for number, (owner, name) in enumerate(
                (
                    ("conversation", PRIORITY),
                    ("conversation", KIND),
                    ("conversation", ISSUES),
                    ("company", "country"),
                    ("contact", "job_title"),
                ),
                1,
            )
            if model in (None, owner)
        ]
        return Reply({"type": "list", "data": rows}, items="data")

    @routes("POST", "/tickets/search")
    def search_tickets(self, call: Call) -> Reply:
        """None: what customers ask is a conversation here."""
        return self.search(
            call, [], dict, kind="ticket.list", key="tickets", default=20, dates=_CONVERSATION_DATES
        )


VENDOR = Intercom
