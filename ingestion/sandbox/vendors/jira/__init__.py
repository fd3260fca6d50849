"""Jira Cloud: the platform API (v3, v2, latest) and the agile API, also behind `/ex/jira/{cloudId}`.

Belongs here: paths, pages, authentication, limits, errors. Does not belong here: what issues hold
(`tracker.py`), JQL (`jql.py`), texts (`adf.py`).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson

from ingestion.sandbox import credentials
from ingestion.sandbox.limits import RollingWindow
from ingestion.sandbox.snapshot import Row, Snapshot
from ingestion.sandbox.vendors.jira.jql import JqlError, Query, compile_jql
from ingestion.sandbox.vendors.jira.tracker import (
    API,
    CATEGORIES,
    FLAGGED,
    LINK_TYPES,
    PRIORITIES,
    RANK,
    RESOLUTIONS,
    SITE,
    SPRINT,
    STORY_POINTS,
    History,
    Issue,
    Tracker,
    millis,
)
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
REST = "/rest/api/{v:2|3|latest}"
AGILE = "/rest/agile/{agile:1.0|latest}"
SEARCH_FIELDS = frozenset(
    (
        *("jql", "nextPageToken", "maxResults", "fields", "expand", "properties"),
        *("fieldsByKeys", "failFast", "reconcileIssues"),
    )
)
FULL_PAGE = 100
HEAVY_PAGE = 50
SEARCH_HISTORIES = 40
ISSUE_HISTORIES = 100
HELD_BACK = timedelta(minutes=1)
REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


class Jira(Vendor):
    """One Cloud site; what is said and understood is in the zone of the API user's profile."""

    name = "jira"
    hosts: ClassVar[tuple[str, ...]] = ("*.atlassian.net", "api.atlassian.com")
    certificate_hosts: ClassVar[tuple[str, ...]] = hosts
    routes = routes
    PLAN: ClassVar[Mapping[str, Any]] = {
        "get_per_second": 100,  # burst, per endpoint and method
        "post_per_second": 100,
        "retry_after": True,
        "user_time_zone": None,  # of the API user; the company's by default
        "search_lag_seconds": 0,  # how far the search index is behind the issues
        "old_search": False,  # whether the removed /search still answers
        "hide_emails_every": 0,  # users whose id divides by it hide their e-mail
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.windows: dict[tuple[str, str], RollingWindow] = {}
        self._builders: dict[tuple[str, int], Any] = {}

    def clean(self, call: Call) -> None:
        match = re.match(r"/ex/jira/([^/]+)(/.*)", call.path)
        if match and match.group(1) == credentials.JIRA_CLOUD_ID:
            call.root += f"/ex/jira/{match.group(1)}"
            call.path = match.group(2)

    def authenticate(self, call: Call) -> None:
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        known = False
        if scheme.lower() == "bearer":
            known = secret == credentials.JIRA_OAUTH_TOKEN
        elif scheme.lower() == "basic":
            try:
                known = (
                    base64.b64decode(secret).decode()
                    == f"{credentials.JIRA_EMAIL}:{credentials.JIRA_API_TOKEN}"
                )
            except (ValueError, UnicodeDecodeError):
                known = False
        if known:
            call.who = credentials.JIRA_EMAIL
            call.reply_headers["X-AACCOUNTID"] = "5b-pipeline"
            return
        if scheme:
            call.reply_headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
        tags = call.route.tags if call.route else frozenset()
        if "public" in tags:
            return
        if "issue" in tags:
            raise Refusal(self.no_issue())
        if "search" in tags:
            raise Refusal(Reply({"issues": [], "isLast": True}))
        if "paged" in tags:
            raise Refusal(Reply({"maxResults": 50, "startAt": 0, "total": 0, "isLast": True, "values": []}))
        raise Refusal(
            Reply(
                {"errorMessages": ["Client must be authenticated to access this resource."], "errors": {}},
                status=401,
                headers={"WWW-Authenticate": f'OAuth realm="{SITE}"'},
            )
        )

    def meter(self, call: Call) -> None:
        assert call.route is not None
        limit = self.plan["post_per_second" if call.method == "POST" else "get_per_second"]
        key = (call.method, call.route.template)
        window = self.windows.setdefault(key, RollingWindow(limit, 1))
        verdict = window.take(call.at)
        if not verdict.allowed:
            raise Refusal(self.too_many(call, 1 if self.plan["retry_after"] else None))
        if limit:
            call.reply_headers["X-RateLimit-Limit"] = str(verdict.limit)
            call.reply_headers["X-RateLimit-Remaining"] = str(verdict.remaining)
            if verdict.remaining < verdict.limit / 5:
                call.reply_headers["X-RateLimit-NearLimit"] = "true"

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        limit = self.plan["post_per_second" if call.method == "POST" else "get_per_second"]
        reset = call.book.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": reset.strftime("%Y-%m-%dT%H:%MZ"),
            "RateLimit-Reason": "jira-burst-based",
        }
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return Reply({"errorMessages": ["Rate limit exceeded."], "errors": {}}, status=429, headers=headers)

    @staticmethod
    def error(status: int, *messages: str) -> Reply:
        return Reply({"errorMessages": list(messages), "errors": {}}, status=status)

    def no_issue(self) -> Reply:
        return self.error(404, "Issue does not exist or you do not have permission to see it.")

    def missing(self, call: Call) -> Reply:
        return Reply({"message": "null for uri: " + call.path, "status-code": 404}, status=404)

    def broken(self, call: Call, status: int) -> Reply:
        return self.error(status, "Internal server error")

    def bad_body(self, call: Call, problem: str) -> Reply:
        return self.error(400, "There was an error parsing JSON. Check that your request body is valid.")

    def tracker(self, book: Snapshot) -> Tracker:
        """Jira's database of a snapshot, in the API user's zone."""
        zone = self.plan["user_time_zone"] or book.meta.time_zone
        hide = self.plan["hide_emails_every"]
        key = (zone, hide)
        if key not in self._builders:
            self._builders[key] = lambda snapshot: Tracker(snapshot, zone, hide)
        return book.view(self._builders[key])

    @staticmethod
    def version(call: Call) -> int:
        return 3 if call.params.get("v", "2") == "3" else 2

    # --- pages

    def page(
        self, call: Call, rows: Sequence[Any], key: str = "values", most: int = 100, **more: Any
    ) -> Reply:
        """A page by startAt and maxResults."""
        start, size = self.bounds(call, most)
        shown = list(rows[start : start + size])
        is_last = start + size >= len(rows)
        payload: dict[str, Any] = {
            **more,
            "self": f"{call.root}{call.path}?{call.query}",
            "maxResults": size,
            "startAt": start,
            "total": len(rows),
            "isLast": is_last,
            key: shown,
        }
        if not is_last:
            query = [
                (name, value)
                for name, value in call.query.multi_items()
                if name not in ("startAt", "maxResults")
            ]
            following = urlencode([*query, ("startAt", start + size), ("maxResults", size)])
            payload["nextPage"] = f"{call.root}{call.path}?{following}"
        return Reply(payload, items=key)

    def bounds(self, call: Call, most: int, default: int = 50) -> tuple[int, int]:
        """startAt and maxResults of a query; maxResults is cut to what the endpoint gives. Raises Refusal."""
        try:
            start = int(call.query.get("startAt") or 0)
            size = int(call.query.get("maxResults") or default)
        except ValueError as error:
            raise Refusal(self.error(400, "startAt and maxResults must be numbers.")) from error
        return max(0, start), min(size, most) if size > 0 else most

    # --- search

    @routes("GET POST", f"{REST}/search/jql", tags="search")
    def search(self, call: Call) -> Reply:
        asked = self.search_request(call)
        tracker = self.tracker(call.book)
        query = self.compile(call, asked.get("jql"))
        if not query.is_bounded:
            message = "Unbounded JQL queries are not allowed here. Add a search restriction to the query."
            return self.error(400, message)
        try:
            size = 50 if asked.get("maxResults") in (None, "") else int(asked["maxResults"])
        except (TypeError, ValueError):
            size = -1
        if not 1 <= size <= 5000:
            return self.error(400, "The maxResults parameter must be between 1 and 5,000.")
        names = _names(asked.get("fields"))
        expands = set(_names(asked.get("expand")))
        if set(names) - {"id", "key"}:
            size = min(size, HEAVY_PAGE if "*all" in names and expands else FULL_PAGE)
        found = self.find(call, tracker, str(asked["jql"]), query, asked.get("reconcileIssues"))
        digest = hashlib.sha256(str(asked["jql"]).encode()).hexdigest()[:12]
        start = 0
        if token := asked.get("nextPageToken"):
            position = _read_token(str(token))
            if position is None or position[0] != digest:
                return self.error(400, "The provided nextPageToken is invalid or has expired.")
            start = position[1]
        page = found[start : start + size]
        version = 3 if call.params["v"] == "3" else 2
        payload: dict[str, Any] = {
            "issues": [self.show(tracker, issue, names, expands, version) for issue in page]
        }
        is_last = start + size >= len(found)
        if not is_last:
            payload["nextPageToken"] = _token(digest, start + size)
        payload["isLast"] = is_last
        if "names" in expands:
            payload["names"] = {field["id"]: field["name"] for field in FIELDS}
        if "schema" in expands:
            payload["schema"] = {field["id"]: field["schema"] for field in FIELDS if "schema" in field}
        return Reply(payload, items="issues")

    def search_request(self, call: Call) -> Mapping[str, Any]:
        """What a search asks: GET reads the query string only, POST the body only. Raises Refusal."""
        if call.method == "GET":
            asked: dict[str, Any] = dict(call.query.items())
            for name in ("fields", "expand", "reconcileIssues"):
                if name in asked:
                    asked[name] = call.values(name)
            return asked
        body = call.json
        unknown = set(body) - SEARCH_FIELDS
        if unknown:
            raise Refusal(
                self.error(
                    400,
                    f"Invalid request payload. Unrecognized field: {sorted(unknown)[0]}. "
                    "Refer to the REST API documentation and try again.",
                )
            )
        return body

    def compile(self, call: Call, jql: Any) -> Query:
        try:
            return compile_jql(str(jql or ""), call.book.now, self.tracker(call.book).zone)
        except JqlError as error:
            raise Refusal(self.error(400, str(error))) from error

    def find(self, call: Call, tracker: Tracker, jql: str, query: Query, reconcile: Any) -> list[Issue]:
        """The issues of a query, from the index, which may lag; those to reconcile are read fresh."""
        lag = self.plan["search_lag_seconds"]
        key = (jql, lag)
        if key not in tracker.searches:
            index = self.tracker(call.book.lagged(lag))
            stale = query.run(index.issues.values())
            tracker.searches[key] = (
                [tracker.issues[issue.id] for issue in stale if issue.id in tracker.issues]
                if lag == 0
                else stale
            )
        found = tracker.searches[key]
        if lag and reconcile:
            fresh = {int(one) for one in reconcile if str(one).isdigit()}
            candidates = [tracker.issues[one] for one in fresh if one in tracker.issues]
            found = query.run([*(issue for issue in found if issue.id not in fresh), *candidates])
        return found

    @routes("POST", f"{REST}/search/approximate-count", tags="search")
    def count(self, call: Call) -> Reply:
        query = self.compile(call, call.json.get("jql"))
        if not query.is_bounded:
            return self.error(
                400, "Unbounded JQL queries are not allowed here. Add a search restriction to the query."
            )
        found = self.find(call, self.tracker(call.book), str(call.json["jql"]), query, None)
        return Reply({"count": len(found)})

    @routes("GET POST", f"{REST}/search", tags="search")
    def old_search(self, call: Call) -> Reply:
        if not self.plan["old_search"]:
            return self.error(410, REMOVED)
        asked: Mapping[str, Any] = call.json if call.method == "POST" else dict(call.query.items())
        tracker = self.tracker(call.book)
        query = self.compile(call, asked.get("jql"))
        found = self.find(call, tracker, str(asked.get("jql") or ""), query, None)
        start, size = int(asked.get("startAt") or 0), min(int(asked.get("maxResults") or 50), FULL_PAGE)
        names, expands = _names(asked.get("fields")) or ["*navigable"], set(_names(asked.get("expand")))
        page = found[start : start + size]
        shown = [
            self.show(tracker, issue, names, expands, self.version(call), histories=100) for issue in page
        ]
        payload = {"startAt": start, "maxResults": size, "total": len(found), "issues": shown}
        return Reply(payload, items="issues")

    def show(
        self,
        tracker: Tracker,
        issue: Issue,
        names: Sequence[str],
        expands: set[str],
        version: int,
        histories: int = SEARCH_HISTORIES,
    ) -> dict[str, Any]:
        """An issue with the fields asked for; only its id when none are."""
        if not set(names) - {"id"} and "changelog" not in expands:
            return {"id": str(issue.id)}
        shown: dict[str, Any] = {
            "expand": "operations,versionedRepresentations,editmeta,changelog,renderedFields",
            "id": str(issue.id),
            "self": f"{SITE}/rest/api/{version}/issue/{issue.id}",
            "key": issue.key,
        }
        if "transitions" in expands:
            # Of those that the asker may make now; the pipeline's user only reads.
            shown["transitions"] = []
        if "changelog" in expands:
            newest = list(reversed(issue.histories))[:histories]
            shown["changelog"] = {
                "startAt": 0,
                "maxResults": len(newest),
                "total": len(issue.histories),
                "histories": [tracker.show_history(history, in_millis=False) for history in newest],
            }
        every = issue.fields(version)
        dropped = {name[1:] for name in names if name.startswith("-")}
        asked = [name for name in names if not name.startswith("-")]
        if "*all" in asked or (not asked and dropped):
            fields = {name: value for name, value in every.items() if name not in dropped}
        elif "*navigable" in asked:
            fields = {
                name: value for name, value in every.items() if name not in dropped | {"comment", "worklog"}
            }
        else:
            fields = {}
        for name in asked:
            if name in every and name not in dropped:
                fields[name] = every[name]
        if fields or set(asked) - {"id", "key"}:
            shown["fields"] = fields
        return shown

    # --- issues

    def issue(self, call: Call) -> Issue:
        """The issue of a path, by id, key or a key it had before. Raises Refusal."""
        found = self.tracker(call.book).find(call.params["issue"])
        if found is None:
            raise Refusal(self.no_issue())
        return found

    @routes("GET", f"{REST}/issue/{{issue}}", tags="issue")
    def get_issue(self, call: Call) -> Reply:
        issue = self.issue(call)
        names = call.values("fields") or ["*all"]
        shown = self.show(
            self.tracker(call.book),
            issue,
            names,
            set(call.values("expand")),
            self.version(call),
            ISSUE_HISTORIES,
        )
        return Reply(shown)

    @routes("POST", f"{REST}/issue/bulkfetch", tags="search")
    def bulk_fetch(self, call: Call) -> Reply:
        wanted = [str(one) for one in call.json.get("issueIdsOrKeys") or []]
        if not 0 < len(wanted) <= 100:
            return self.error(400, "The number of issue ids or keys must be between 1 and 100.")
        tracker = self.tracker(call.book)
        names, expands = (
            _names(call.json.get("fields")) or ["*navigable"],
            set(_names(call.json.get("expand"))),
        )
        issues, lost = [], []
        for one in wanted:
            issue = tracker.find(one)
            if issue is None:
                lost.append(one)
            else:
                issues.append(self.show(tracker, issue, names, expands, self.version(call)))
        message = "Issue does not exist or you do not have permission to see it."
        errors = (
            [{"issueIdsOrKeys": lost, "elementErrors": {"errorMessages": [message]}, "status": 404}]
            if lost
            else []
        )
        return Reply({"issues": issues, "issueErrors": errors}, items="issues")

    @routes("POST", f"{REST}/changelog/bulkfetch")
    def bulk_changelogs(self, call: Call) -> Reply:
        body = call.json
        wanted = [str(one) for one in body.get("issueIdsOrKeys") or []]
        if not 0 < len(wanted) <= 1000:
            return self.error(400, "The number of issue ids or keys must be between 1 and 1000.")
        fields = list(body.get("fieldIds") or [])
        if len(fields) > 10:
            return self.error(400, "The number of field ids must be between 0 and 10.")
        try:
            size = int(body.get("maxResults") or 1000)
        except (TypeError, ValueError):
            size = -1
        if not 1 <= size <= 1000:
            return self.error(400, "The maxResults parameter must be between 1 and 1,000.")
        digest = hashlib.sha256(orjson.dumps([sorted(wanted), fields])).hexdigest()[:12]
        start = 0
        if token := body.get("nextPageToken"):
            position = _read_token(str(token))
            if position is None or position[0] != digest:
                return self.error(400, "The provided nextPageToken is invalid or has expired.")
            start = position[1]
        tracker = self.tracker(call.book)
        issues = {issue.id: issue for one in wanted if (issue := tracker.find(one)) is not None}
        histories = [history for issue in issues.values() for history in issue.histories]
        if fields:
            histories = [
                History(history.id, history.issue_id, history.at, history.by, kept)
                for history in histories
                if (kept := [item for item in history.items if item["fieldId"] in fields])
            ]
        histories.sort(key=lambda history: (history.at, history.issue_id, history.id))
        logs: dict[int, list[dict[str, Any]]] = {}
        for history in histories[start : start + size]:
            logs.setdefault(history.issue_id, []).append(tracker.show_history(history, in_millis=True))
        payload: dict[str, Any] = {
            "issueChangeLogs": [{"issueId": str(one), "changeHistories": of} for one, of in logs.items()]
        }
        if start + size < len(histories):
            payload["nextPageToken"] = _token(digest, start + size)
        return Reply(payload, items="issueChangeLogs")

    @routes("GET", f"{REST}/issue/{{issue}}/changelog", tags="issue")
    def list_changelog(self, call: Call) -> Reply:
        tracker, issue = self.tracker(call.book), self.issue(call)
        return self.page(
            call, [tracker.show_history(history, in_millis=False) for history in issue.histories]
        )

    @routes("GET", f"{REST}/issue/{{issue}}/comment", tags="issue")
    def list_comments(self, call: Call) -> Reply:
        tracker, issue = self.tracker(call.book), self.issue(call)
        rows = tracker.comments.get(issue.id, [])
        start, size = self.bounds(call, 5000, 5000)
        shown = [tracker.show_comment(row, self.version(call)) for row in rows[start : start + size]]
        return Reply(
            {"startAt": start, "maxResults": size, "total": len(rows), "comments": shown}, items="comments"
        )

    @routes("POST", f"{REST}/comment/list", tags="paged")
    def read_comments(self, call: Call) -> Reply:
        ids = [int(one) for one in call.json.get("ids") or []]
        if not 0 < len(ids) <= 1000:
            return self.error(400, "The number of comment ids must be between 1 and 1000.")
        tracker = self.tracker(call.book)
        rows = {
            row["comment_id"]: row
            for issue, of in tracker.comments.items()
            if issue in tracker.issues
            for row in of
        }
        shown = [tracker.show_comment(rows[one], self.version(call)) for one in ids if one in rows]
        return self.page(call, shown, most=1000)

    @routes("GET", f"{REST}/issue/{{issue}}/worklog", tags="issue")
    def list_worklogs(self, call: Call) -> Reply:
        tracker, issue = self.tracker(call.book), self.issue(call)
        rows = tracker.worklogs.get(issue.id, [])
        start, size = self.bounds(call, 5000, 5000)
        shown = [tracker.show_worklog(row) for row in rows[start : start + size]]
        return Reply(
            {"startAt": start, "maxResults": size, "total": len(rows), "worklogs": shown}, items="worklogs"
        )

    @routes("GET", f"{REST}/issue/{{issue}}/remotelink", tags="issue")
    def list_remote_links(self, call: Call) -> Reply:
        self.issue(call)
        return Reply([], items=".")

    # --- worklogs

    @routes("GET", f"{REST}/worklog/updated")
    def updated_worklogs(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        times = [
            (millis(max(row["created_at"], row["visible_at"])), row["worklog_id"])
            for issue, rows in tracker.worklogs.items()
            if issue in tracker.issues
            for row in rows
        ]
        return self.feed(call, times)

    @routes("GET", f"{REST}/worklog/deleted")
    def deleted_worklogs(self, call: Call) -> Reply:
        """Worklogs that went with their issues."""
        tracker = self.tracker(call.book)
        times = [
            (millis(entity.deleted_at), row["worklog_id"])
            for entity in tracker.all_issues.values()
            if entity.is_deleted and entity.deleted_at is not None
            for row in tracker.worklogs.get(entity.id, [])
        ]
        return self.feed(call, times)

    def feed(self, call: Call, times: list[tuple[int, int]]) -> Reply:
        """Worklogs changed since a time, the newest minute withheld."""
        try:
            since = int(call.query.get("since") or 0)
        except ValueError as error:
            raise Refusal(self.error(400, "since must be a UNIX timestamp in milliseconds.")) from error
        limit = millis(call.book.now - HELD_BACK)
        due = sorted(pair for pair in times if since <= pair[0] <= limit)
        page = due[:1000]
        if len(due) > 1000:
            page += [pair for pair in due[1000:] if pair[0] == page[-1][0]]
        until = page[-1][0] if page else since
        here = f"{call.root}{call.path}"
        payload: dict[str, Any] = {
            "values": [{"worklogId": number, "updatedTime": at, "properties": []} for at, number in page],
            "since": since,
            "until": until,
            "self": f"{here}?since={since}",
            "lastPage": len(page) == len(due),
        }
        if not payload["lastPage"]:
            payload["nextPage"] = f"{here}?since={until + 1}"
        return Reply(payload, items="values")

    @routes("POST", f"{REST}/worklog/list")
    def read_worklogs(self, call: Call) -> Reply:
        ids = [int(one) for one in call.json.get("ids") or []]
        if len(ids) > 1000:
            return self.error(400, "The number of worklog ids must be at most 1000.")
        tracker = self.tracker(call.book)
        rows = {
            row["worklog_id"]: row
            for issue, of in tracker.worklogs.items()
            if issue in tracker.issues
            for row in of
        }
        return Reply([tracker.show_worklog(rows[one]) for one in ids if one in rows], items=".")

    # --- the site

    @routes("GET", f"{REST}/serverInfo", tags="public")
    def server_info(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        return Reply(
            {
                "baseUrl": SITE,
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "buildNumber": 100290,
                "buildDate": tracker.local(call.book.meta.starts_at.replace(tzinfo=None)),
                "serverTime": tracker.local(call.book.now),
                "scmInfo": "0" * 40,
                "serverTitle": "Jira",
                "defaultLocale": {"locale": "en_US"},
                "serverTimeZone": "Etc/UTC",
            }
        )

    @routes("GET", f"{REST}/myself")
    def myself(self, call: Call) -> Reply:
        return Reply(
            {
                "self": f"{API}/user?accountId=5b-pipeline",
                "accountId": "5b-pipeline",
                "accountType": "atlassian",
                "emailAddress": credentials.JIRA_EMAIL,
                "displayName": "Norte pipeline",
                "active": True,
                "timeZone": self.tracker(call.book).zone.key,
                "locale": "en_US",
            }
        )

    @routes("GET", f"{REST}/project/search", tags="paged")
    def search_projects(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        states = set(call.query.getlist("status")) or {"live"}
        keys = {key.upper() for key in call.query.getlist("keys")}
        rows = [
            tracker.show_project(row)
            for row in tracker.projects.values()
            if "live" in states and (not keys or row["key"] in keys)
        ]
        return self.page(call, rows)

    @routes("GET", f"{REST}/project")
    def list_projects(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        return Reply([tracker.show_project(row) for row in tracker.projects.values()], items=".")

    @routes("GET", f"{REST}/project/type")
    def list_project_types(self, call: Call) -> Reply:
        return Reply([{"key": "software", "formattedKey": "Software", "color": "", "icon": ""}], items=".")

    @routes("GET", f"{REST}/projectCategory")
    def list_project_categories(self, call: Call) -> Reply:
        return Reply([], items=".")

    @routes("GET", f"{REST}/group/member", tags="paged")
    def list_members(self, call: Call) -> Reply:
        name = call.query.get("groupname", "")
        if name != EVERYBODY:
            return self.error(404, f"The group named '{name}' does not exist.")
        return self.page(call, self.tracker(call.book).users)

    @routes("GET", f"{REST}/project/{{project}}")
    def get_project(self, call: Call) -> Reply:
        return Reply(self.tracker(call.book).show_project(self.project(call)))

    def project(self, call: Call) -> Row:
        """The project of a path, by id or key. Raises Refusal."""
        wanted = call.params["project"]
        for row in self.tracker(call.book).projects.values():
            if wanted in (str(row["project_id"]), row["key"]):
                return row
        raise Refusal(self.error(404, f"No project could be found with key '{wanted}'."))

    @routes("GET", f"{REST}/project/{{project}}/version")
    def page_versions(self, call: Call) -> Reply:
        return self.page(call, self.versions_of(call))

    @routes("GET", f"{REST}/project/{{project}}/versions")
    def list_versions(self, call: Call) -> Reply:
        return Reply(self.versions_of(call), items=".")

    def versions_of(self, call: Call) -> list[dict[str, Any]]:
        tracker, project = self.tracker(call.book), self.project(call)
        return [
            tracker.show_version(row)
            for row in tracker.versions.values()
            if row["project_id"] == project["project_id"]
        ]

    @routes("GET", f"{REST}/version/{{id}}")
    def get_version(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        row = tracker.versions.get(int(call.params["id"])) if call.params["id"].isdigit() else None
        if row is None:
            return self.error(404, f"Could not find version for id '{call.params['id']}'")
        return Reply(tracker.show_version(row))

    @routes("GET", f"{REST}/project/{{project}}/components")
    def list_components(self, call: Call) -> Reply:
        self.project(call)
        return Reply([], items=".")

    @routes("GET", f"{REST}/project/{{project}}/component")
    def page_components(self, call: Call) -> Reply:
        self.project(call)
        return self.page(call, [])

    @routes("GET", f"{REST}/project/{{project}}/statuses")
    def list_project_statuses(self, call: Call) -> Reply:
        tracker, project = self.tracker(call.book), self.project(call)
        statuses = [
            tracker.show_status(entity.id)
            for entity in tracker.statuses.values()
            if not entity.is_deleted and entity.row["project_id"] in (None, project["project_id"])
        ]
        return Reply([{**tracker.show_type(one), "statuses": statuses} for one in tracker.types], items=".")

    @routes("GET", f"{REST}/field")
    def list_fields(self, call: Call) -> Reply:
        return Reply(FIELDS, items=".")

    @routes("GET", f"{REST}/field/search", tags="paged")
    def page_fields(self, call: Call) -> Reply:
        kinds = set(call.query.getlist("type"))
        rows = [
            field for field in FIELDS if not kinds or ("custom" if field["custom"] else "system") in kinds
        ]
        return self.page(call, rows)

    @routes("GET", f"{REST}/status")
    def list_statuses(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        rows = [
            tracker.show_status_entry(entity) for entity in tracker.statuses.values() if not entity.is_deleted
        ]
        return Reply(rows, items=".")

    @routes("GET", f"{REST}/statuses/search", tags="paged")
    def page_statuses(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        names = {"new": "TODO", "indeterminate": "IN_PROGRESS", "done": "DONE"}
        rows = []
        for entity in tracker.statuses.values():
            if entity.is_deleted:
                continue
            project = entity.row["project_id"]
            scope: dict[str, Any] = {"type": "GLOBAL"}
            if project is not None:
                scope = {"type": "PROJECT", "project": {"id": str(project)}}
            rows.append(
                {
                    "id": str(entity.id),
                    "name": entity.row["name"],
                    "statusCategory": names[entity.row["category"]],
                    "scope": scope,
                    "description": "",
                }
            )
        return self.page(call, rows, most=200)

    @routes("GET", f"{REST}/statuscategory")
    def list_categories(self, call: Call) -> Reply:
        undefined: dict[str, Any] = {
            "id": 1,
            "key": "undefined",
            "colorName": "medium-gray",
            "name": "No Category",
        }
        return Reply([undefined, *CATEGORIES.values()], items=".")

    @routes("GET", f"{REST}/priority")
    def list_priorities(self, call: Call) -> Reply:
        return Reply([Tracker.show_priority(name) for name in PRIORITIES], items=".")

    @routes("GET", f"{REST}/priority/search", tags="paged")
    def page_priorities(self, call: Call) -> Reply:
        return self.page(call, [Tracker.show_priority(name) for name in PRIORITIES])

    @routes("GET", f"{REST}/resolution")
    def list_resolutions(self, call: Call) -> Reply:
        return Reply([Tracker.show_resolution(name) for name in RESOLUTIONS], items=".")

    @routes("GET", f"{REST}/issuetype")
    def list_types(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        return Reply([tracker.show_type(one) for one in tracker.types], items=".")

    @routes("GET", f"{REST}/issueLinkType")
    def list_link_types(self, call: Call) -> Reply:
        return Reply({"issueLinkTypes": list(LINK_TYPES.values())}, items="issueLinkTypes")

    @routes("GET", f"{REST}/role")
    def list_roles(self, call: Call) -> Reply:
        return Reply([], items=".")

    @routes("GET", f"{REST}/users/search", f"{REST}/users")
    def list_users(self, call: Call) -> Reply:
        start, size = self.bounds(call, 1000)
        return Reply(self.tracker(call.book).users[start : start + size], items=".")

    @routes("GET", f"{REST}/user/search")
    def search_users(self, call: Call) -> Reply:
        wanted = call.query.get("query", "").lower()
        start, size = self.bounds(call, 1000)
        users = self.tracker(call.book).users
        found = [
            user
            for user in users
            if wanted in user["displayName"].lower() or wanted in user.get("emailAddress", "").lower()
        ]
        return Reply(found[start : start + size], items=".")

    @routes("GET", f"{REST}/user")
    def get_user(self, call: Call) -> Reply:
        wanted = call.query.get("accountId")
        for user in self.tracker(call.book).users:
            if user["accountId"] == wanted:
                return Reply(user)
        return self.error(404, "The user does not exist.")

    # --- agile

    @routes("GET", f"{AGILE}/board")
    def list_boards(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        kinds = set(call.values("type"))
        project = call.query.get("projectKeyOrId")
        rows = [
            tracker.show_board(row) for row in tracker.boards.values() if not kinds or row["kind"] in kinds
        ]
        if project:
            rows = [
                row
                for row in rows
                if project
                in (str(row.get("location", {}).get("projectId")), row.get("location", {}).get("projectKey"))
            ]
        return self.page(call, rows, most=50)

    def board(self, call: Call) -> Mapping[str, Any]:
        """The board of a path. Raises Refusal."""
        row = (
            self.tracker(call.book).boards.get(int(call.params["board"]))
            if call.params["board"].isdigit()
            else None
        )
        if row is None:
            raise Refusal(
                self.error(
                    404,
                    "Requested board cannot be viewed because it either does not exist or "
                    "you do not have permission to view it.",
                )
            )
        return row

    @routes("GET", f"{AGILE}/board/{{board}}")
    def get_board(self, call: Call) -> Reply:
        return Reply(self.tracker(call.book).show_board(dict(self.board(call))))

    @routes("GET", f"{AGILE}/board/{{board}}/sprint")
    def list_sprints(self, call: Call) -> Reply:
        tracker, board = self.tracker(call.book), self.board(call)
        if board["kind"] != "scrum":
            return self.error(400, "The board does not support sprints")
        states = set(call.values("state"))
        rows = [
            tracker.show_sprint(row)
            for row in tracker.sprints.values()
            if row["board_id"] == board["board_id"] and (not states or tracker.sprint_state(row) in states)
        ]
        return self.page(call, rows, most=50)

    @routes("GET", f"{AGILE}/sprint/{{sprint}}")
    def get_sprint(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        row = tracker.sprints.get(int(call.params["sprint"])) if call.params["sprint"].isdigit() else None
        return Reply(tracker.show_sprint(row)) if row else self.error(404, "Sprint does not exist")

    @routes("GET", f"{AGILE}/board/{{board}}/issue")
    def list_board_issues(self, call: Call) -> Reply:
        board = self.board(call)
        return self.issue_page(call, lambda issue: issue.row["project_id"] == board["project_id"])

    @routes("GET", f"{AGILE}/sprint/{{sprint}}/issue", f"{AGILE}/board/{{board}}/sprint/{{sprint}}/issue")
    def list_sprint_issues(self, call: Call) -> Reply:
        wanted = call.params["sprint"]
        return self.issue_page(call, lambda issue: wanted in (issue.row["sprint_ids"] or "").split(";"))

    @routes("GET", f"{AGILE}/board/{{board}}/configuration")
    def get_board_configuration(self, call: Call) -> Reply:
        board = self.board(call)
        estimation: dict[str, Any] = {
            "type": "field",
            "field": {"fieldId": STORY_POINTS, "displayName": "Story Points"},
        }
        return Reply(
            {"id": board["board_id"], "name": board["name"], "type": board["kind"], "estimation": estimation}
        )

    def issue_page(self, call: Call, test: Any) -> Reply:
        """Issues of a board or sprint by startAt, with a total, as the agile API pages them."""
        tracker = self.tracker(call.book)
        query = self.compile(call, call.query.get("jql"))
        found = [issue for issue in tracker.issues.values() if test(issue) and query.test(issue)]
        start, size = self.bounds(call, 100)
        names = call.values("fields") or ["*all"]
        expands = set(call.values("expand"))
        shown = [self.show(tracker, issue, names, expands, 2) for issue in found[start : start + size]]
        return Reply(
            {"startAt": start, "maxResults": size, "total": len(found), "issues": shown}, items="issues"
        )


def _field(field_id: str, name: str, kind: str, **more: Any) -> dict[str, Any]:
    is_custom = field_id.startswith("customfield_")
    schema: dict[str, Any] = {"type": kind, **more}
    if is_custom:
        schema["customId"] = int(field_id.rpartition("_")[2])
    else:
        schema["system"] = field_id
    return {
        "id": field_id,
        "key": field_id,
        "name": name,
        "custom": is_custom,
        "orderable": True,
        "navigable": True,
        "searchable": True,
        "clauseNames": [f"cf[{schema['customId']}]", name] if is_custom else [field_id],
        "schema": schema,
    }


EVERYBODY = "jira-users"

FIELDS: list[dict[str, Any]] = [
    _field("summary", "Summary", "string"),
    _field("issuetype", "Issue Type", "issuetype"),
    _field("project", "Project", "project"),
    _field("status", "Status", "status"),
    _field("priority", "Priority", "priority"),
    _field("assignee", "Assignee", "user"),
    _field("reporter", "Reporter", "user"),
    _field("creator", "Creator", "user"),
    _field("created", "Created", "datetime"),
    _field("updated", "Updated", "datetime"),
    _field("resolution", "Resolution", "resolution"),
    _field("resolutiondate", "Resolved", "datetime"),
    _field("statuscategorychangedate", "Status Category Changed", "datetime"),
    _field("duedate", "Due date", "date"),
    _field("labels", "Labels", "array", items="string"),
    _field("components", "Components", "array", items="component"),
    _field("fixVersions", "Fix versions", "array", items="version"),
    _field("versions", "Affects versions", "array", items="version"),
    _field("parent", "Parent", "issuelink"),
    _field("subtasks", "Sub-tasks", "array", items="issuelinks"),
    _field("issuelinks", "Linked Issues", "array", items="issuelinks"),
    _field("description", "Description", "string"),
    _field("environment", "Environment", "string"),
    _field("timetracking", "Time tracking", "timetracking"),
    _field("timespent", "Time Spent", "number"),
    _field("comment", "Comment", "comments-page"),
    _field("worklog", "Log Work", "array", items="worklog"),
    _field(SPRINT, "Sprint", "array", items="json", custom="com.pyxis.greenhopper.jira:gh-sprint"),
    _field(STORY_POINTS, "Story Points", "number", custom="com.pyxis.greenhopper.jira:jsw-story-points"),
    _field(
        FLAGGED,
        "Flagged",
        "array",
        items="option",
        custom="com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes",
    ),
    _field(RANK, "Rank", "any", custom="com.pyxis.greenhopper.jira:gh-lexo-rank"),
]


def _names(value: Any) -> list[str]:
    """A list given as a list, or as texts with commas."""
    if value is None:
        return []
    parts = [value] if isinstance(value, str) else list(value)
    return [name.strip() for part in parts for name in str(part).split(",") if name.strip()]


def _token(digest: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{digest}:{position}".encode()).decode()


def _read_token(token: str) -> tuple[str, int] | None:
    try:
        digest, _, position = base64.urlsafe_b64decode(token).decode().partition(":")
        return digest, int(position)
    except (ValueError, UnicodeDecodeError):
        return None


VENDOR = Jira
