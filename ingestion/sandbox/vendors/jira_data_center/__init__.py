"""Jira Data Center: the platform API v2 and the agile API of a site of one's own.

Belongs here: paths, pages, authentication, limits, errors where they differ from Cloud's. Does not belong
here: what issues hold (`tracker.py`), JQL and whatever both have in common (`jira/`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ingestion.sandbox import credentials
from ingestion.sandbox.limits import TokenBucket
from ingestion.sandbox.snapshot import Snapshot
from ingestion.sandbox.vendors.jira import FIELDS, Jira
from ingestion.sandbox.vendors.jira.tracker import Issue, Tracker
from ingestion.sandbox.vendors.jira_data_center.tracker import (
    SITE,
    ServerTracker,
    as_server_fields,
)
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes

routes = Routes()
REST = "/rest/api/{v:2|latest}"
AGILE = "/rest/agile/{agile:1.0|latest}"
_EXPAND = "operations,versionedRepresentations,editmeta,changelog,renderedFields"
# What Data Center answers as Cloud does.
_ALIKE: Mapping[str, Any] = {
    f"{REST}/project/{{project}}": Jira.get_project,
    f"{REST}/project/{{project}}/versions": Jira.list_versions,
    f"{REST}/project/{{project}}/version": Jira.page_versions,
    f"{REST}/project/{{project}}/statuses": Jira.list_project_statuses,
    f"{REST}/project/{{project}}/components": Jira.list_components,
    f"{REST}/version/{{id}}": Jira.get_version,
    f"{REST}/status": Jira.list_statuses,
    f"{REST}/statuscategory": Jira.list_categories,
    f"{REST}/priority": Jira.list_priorities,
    f"{REST}/resolution": Jira.list_resolutions,
    f"{REST}/issuetype": Jira.list_types,
    f"{REST}/issueLinkType": Jira.list_link_types,
    f"{REST}/role": Jira.list_roles,
    f"{REST}/issue/{{issue}}/comment": Jira.list_comments,
    f"{REST}/issue/{{issue}}/worklog": Jira.list_worklogs,
    f"{REST}/issue/{{issue}}/remotelink": Jira.list_remote_links,
    f"{REST}/worklog/updated": Jira.updated_worklogs,
    f"{REST}/worklog/deleted": Jira.deleted_worklogs,
    f"{AGILE}/board": Jira.list_boards,
    f"{AGILE}/board/{{board}}": Jira.get_board,
    f"{AGILE}/board/{{board}}/sprint": Jira.list_sprints,
    f"{AGILE}/board/{{board}}/issue": Jira.list_board_issues,
    f"{AGILE}/board/{{board}}/configuration": Jira.get_board_configuration,
    f"{AGILE}/board/{{board}}/sprint/{{sprint}}/issue": Jira.list_sprint_issues,
    f"{AGILE}/sprint/{{sprint}}": Jira.get_sprint,
    f"{AGILE}/sprint/{{sprint}}/issue": Jira.list_sprint_issues,
}
for _template, _handler in _ALIKE.items():
    routes("GET", _template, tags="issue" if "{issue}" in _template else "")(_handler)
routes("POST", f"{REST}/worklog/list")(Jira.read_worklogs)


class JiraDataCenter(Jira):
    """One site; whoever it does not know is answered as anybody."""

    name = "jira_data_center"
    hosts = ("jira.norte-sandbox.example",)
    certificate_hosts = hosts
    routes = routes
    PLAN: ClassVar[Mapping[str, Any]] = {
        "requests_per_interval": 200,  # the token bucket's size; 0: no limit
        "interval_seconds": 1,
        "fill_rate": 100,  # tokens that come back in each interval
        "retry_after": True,
        "user_time_zone": None,
        "search_lag_seconds": 0,
        "hide_emails_every": 0,
        "most_results": 1000,  # a larger maxResults is cut without a word
        "has_old_sprints": True,  # whether an issue's sprints are texts
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.bucket = TokenBucket(
            self.plan["requests_per_interval"], self.plan["fill_rate"] / self.plan["interval_seconds"]
        )

    def clean(self, call: Call) -> None:
        """A site has no other spelling of its paths."""

    def authenticate(self, call: Call) -> None:
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        known = False
        if scheme.lower() == "bearer":
            known = secret == credentials.JIRA_PERSONAL_ACCESS_TOKEN
        elif scheme.lower() == "basic":
            try:
                known = (
                    base64.b64decode(secret).decode()
                    == f"{credentials.JIRA_USERNAME}:{credentials.JIRA_PASSWORD}"
                )
            except (ValueError, UnicodeDecodeError):
                known = False
        if known:
            call.who = credentials.JIRA_USERNAME
            call.reply_headers["X-AUSERNAME"] = credentials.JIRA_USERNAME
            return
        call.reply_headers["X-AUSERNAME"] = "anonymous"
        call.reply_headers["X-Seraph-LoginReason"] = "AUTHENTICATION_DENIED" if scheme else "OK"

    def meter(self, call: Call) -> None:
        assert call.route is not None
        verdict = self.bucket.take(call.at)
        if self.plan["requests_per_interval"]:
            call.reply_headers |= {
                "X-RateLimit-Limit": str(self.plan["requests_per_interval"]),
                "X-RateLimit-Remaining": str(verdict.remaining),
                "X-RateLimit-Interval-Seconds": str(self.plan["interval_seconds"]),
                "X-RateLimit-FillRate": str(self.plan["fill_rate"]),
            }
            if self.plan["retry_after"]:
                call.reply_headers["Retry-After"] = "0" if verdict.allowed else "1"
        if not verdict.allowed:
            raise Refusal(self.too_many(call, None))
        if call.who is None:
            raise Refusal(self.to_anybody(call))

    def to_anybody(self, call: Call) -> Reply:
        """What somebody who is not logged in sees: nothing, said politely."""
        assert call.route is not None
        if "public" in call.route.tags:
            return call.route.handler(self, call)
        if "search" in call.route.tags:
            return Reply({"startAt": 0, "maxResults": 50, "total": 0, "issues": []})
        if "issue" in call.route.tags:
            return self.no_issue()
        if "user" in call.route.tags:
            return self.error(401, "Client must be authenticated to access this resource.")
        return Reply([], items=".")

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Reply({"message": "Rate limit exceeded."}, status=429, headers=headers)

    def no_issue(self) -> Reply:
        return self.error(404, "Issue Does Not Exist")

    def tracker(self, book: Snapshot) -> ServerTracker:
        zone = self.plan["user_time_zone"] or book.meta.time_zone
        hide = self.plan["hide_emails_every"]
        key = (zone, hide)
        if key not in self._builders:
            self._builders[key] = lambda snapshot: ServerTracker(snapshot, zone, hide)
        found: ServerTracker = book.view(self._builders[key])
        return found

    # --- search

    @routes("GET POST", f"{REST}/search", tags="search")
    def search(self, call: Call) -> Reply:
        asked: Mapping[str, Any] = call.json if call.method == "POST" else dict(call.query.items())
        tracker = self.tracker(call.book)
        query = self.compile(call, asked.get("jql"))
        found = self.find(call, tracker, str(asked.get("jql") or ""), query, None)
        try:
            start, size = int(asked.get("startAt") or 0), int(asked.get("maxResults") or 50)
        except (TypeError, ValueError):
            return self.error(400, "startAt and maxResults must be numbers.")
        size = min(size, self.plan["most_results"])
        names = _listed(asked.get("fields")) or ["*navigable"]
        expands = set(_listed(asked.get("expand")))
        return Reply(
            {
                "expand": "schema,names",
                "startAt": start,
                "maxResults": size,
                "total": len(found),
                "issues": [
                    self.show(tracker, issue, names, expands, 2) for issue in found[start : start + size]
                ],
            },
            items="issues",
        )

    def show(
        self,
        tracker: Tracker,
        issue: Issue,
        names: Sequence[str],
        expands: set[str],
        version: int,
        histories: int = 0,
    ) -> dict[str, Any]:
        """An issue with the fields asked for and, on demand, its whole changelog, oldest entry first."""
        assert isinstance(tracker, ServerTracker)
        shown: dict[str, Any] = {
            "expand": _EXPAND,
            "id": str(issue.id),
            "self": f"{SITE}/rest/api/2/issue/{issue.id}",
            "key": issue.key,
        }
        every = tracker.fields(issue)
        if not self.plan["has_old_sprints"]:
            every = {**every, **{name: issue.fields(2)[name] for name in ("customfield_10020",)}}
        dropped = {name[1:] for name in names if name.startswith("-")}
        asked = {name for name in names if not name.startswith("-")}
        if "*navigable" in asked:
            dropped |= {"comment", "worklog"} - asked
        takes_all = bool(asked & {"*all", "*navigable"}) or not asked
        fields = {
            name: value
            for name, value in every.items()
            if name not in dropped and (takes_all or name in asked)
        }
        if fields:
            shown["fields"] = fields
        if "changelog" in expands:
            shown["changelog"] = {
                "startAt": 0,
                "maxResults": len(issue.histories),
                "total": len(issue.histories),
                "histories": [tracker.show_history(one, in_millis=False) for one in issue.histories],
            }
        return shown

    @routes("GET", f"{REST}/issue/{{issue}}", tags="issue")
    def get_issue(self, call: Call) -> Reply:
        names = call.values("fields") or ["*all"]
        tracker = self.tracker(call.book)
        return Reply(self.show(tracker, self.issue(call), names, set(call.values("expand")), 2))

    # --- the site

    @routes("GET", f"{REST}/serverInfo", tags="public")
    def server_info(self, call: Call) -> Reply:
        return Reply(
            {
                "baseUrl": SITE,
                "version": "9.12.15",
                "versionNumbers": [9, 12, 15],
                "deploymentType": "Server",
                "buildNumber": 9120015,
                "serverTime": self.tracker(call.book).local(call.book.now),
                "serverTitle": "Jira",
            }
        )

    @routes("GET", f"{REST}/myself", tags="user")
    def myself(self, call: Call) -> Reply:
        return Reply(
            {
                "self": f"{SITE}/rest/api/2/user?username={credentials.JIRA_USERNAME}",
                "key": "JIRAUSER10000",
                "name": credentials.JIRA_USERNAME,
                "emailAddress": credentials.JIRA_EMAIL,
                "displayName": "Norte pipeline",
                "active": True,
                "timeZone": self.tracker(call.book).zone.key,
                "locale": "en_US",
            }
        )

    @routes("GET", f"{REST}/field")
    def list_fields(self, call: Call) -> Reply:
        return Reply(as_server_fields(FIELDS), items=".")

    @routes("GET", f"{REST}/project")
    def list_projects(self, call: Call) -> Reply:
        tracker = self.tracker(call.book)
        return Reply([tracker.show_project(row) for row in tracker.projects.values()], items=".")

    @routes("GET", f"{REST}/user/search", tags="user")
    def search_users(self, call: Call) -> Reply:
        """By a part of user name, name or address; inactive ones on demand."""
        wanted = call.query.get("username", "").lower()
        if not wanted:
            return self.error(400, "The username query parameter was not provided")
        with_inactive = call.flag("includeInactive")
        start, size = self.bounds(call, 1000)
        found = [
            user
            for user in self.tracker(call.book).users
            if (with_inactive or user["active"])
            and any(wanted in user[name].lower() for name in ("name", "displayName", "emailAddress"))
        ]
        return Reply(found[start : start + size], items=".")

    @routes("GET", f"{REST}/user", tags="user")
    def get_user(self, call: Call) -> Reply:
        for user in self.tracker(call.book).users:
            if call.query.get("username") == user["name"] or call.query.get("key") == user["key"]:
                return Reply(user)
        return self.error(404, "The user does not exist.")


def _listed(value: Any) -> list[str]:
    parts = [value] if isinstance(value, str) else list(value or [])
    return [name.strip() for part in parts for name in str(part).split(",") if name.strip()]


VENDOR = JiraDataCenter
