"""Talking to Jira Cloud: credentials, pace, and its ways of paging.

Belongs here: what a request looks like and when a list is complete. Does not belong here: which lists are
read and in what order (`streams.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from requests import Response

from ingestion.errors import ConfigurationInvalid, MalformedResponse, RequestRefused, Unauthorized
from ingestion.http import BearerAuth, HttpClient, Pacer
from ingestion.sources.jira.settings import JiraSettings

_API = "rest/api/3"
_AGILE = "rest/agile/1.0"
_ID_PAGE = 5000
_ISSUE_PAGE = 100
_CHANGELOG_PAGE = 1000
_BULK_READ = 100
_LONGEST_HOLD_SECONDS = 60.0
_NEAR_LIMIT_SECONDS = 0.5
# Comments and worklogs are cut there and not used; all else is kept in the payload.
_ISSUE_FIELDS = ("*all", "-comment", "-worklog")


def hold(response: Response) -> float | None:
    """Seconds to hold back, from Jira's own headers: until the limit's reset when it is used up, a moment
    when it is near.
    """
    headers = response.headers
    if response.status_code == 429 or headers.get("X-RateLimit-Remaining") == "0":
        return _until_reset(headers.get("X-RateLimit-Reset"), headers.get("Date"))
    return _NEAR_LIMIT_SECONDS if headers.get("X-RateLimit-NearLimit", "").lower() == "true" else None


def _until_reset(reset: str | None, date: str | None) -> float | None:
    if not reset:
        return None
    try:
        # Down to the minute: `2026-11-01T10:00Z`.
        until = datetime.fromisoformat(reset)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
    except ValueError:
        return None
    # A `Date` that ends in -0000 is read without a zone.
    until, now = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (until, now))
    return min(_LONGEST_HOLD_SECONDS, max(0.0, (until - now).total_seconds()))


class JiraClient:
    """One site, as one user."""

    def __init__(self, settings: JiraSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        if not settings.base_url:
            raise ConfigurationInvalid(
                "base_url of the Jira site",
                "nothing",
                f"set SOURCES__{source.upper()}__BASE_URL, e.g. https://<site>.atlassian.net",
                source=source,
            )
        auth: BearerAuth | tuple[str, str]
        if settings.access_token:
            auth = BearerAuth(settings.access_token)
        elif settings.email and settings.api_token:
            auth = (settings.email, settings.api_token)
        else:
            raise ConfigurationInvalid(
                "email and api_token, or access_token",
                "neither",
                f"set SOURCES__{source.upper()}__EMAIL and __API_TOKEN (or __ACCESS_TOKEN) "
                "in the environment or dlt's secrets",
                source=source,
            )
        self.source = source
        self.http: HttpClient = settings.client(
            settings.base_url,
            source=source,
            on_request=on_request,
            auth=auth,
            pacer=Pacer(settings.requests_per_second, 1.0),
            hold=hold,
            secrets=(settings.api_token or "", settings.access_token or ""),
        )

    def myself(self) -> dict[str, Any]:
        """The user of the credentials. Asked first: with a bad token, search answers 200 without issues."""
        try:
            found = self.http.get_json(f"{_API}/myself")
        except Unauthorized as error:
            raise Unauthorized(
                "Jira to know the user of the credentials",
                error.came,
                "check email and api_token (or access_token): tokens expire within a year, and the e-mail "
                "must be that of the token's owner",
                source=self.source,
            ) from None
        if not isinstance(found, dict) or not found.get("accountId"):
            raise Unauthorized(
                "an accountId from /myself",
                "an anonymous answer",
                "check email and api_token; check that base_url names a Jira Cloud site",
                source=self.source,
            )
        return found

    def array(self, path: str, params: dict[str, Any] | None = None) -> list[Any]:
        """A list that comes whole."""
        found = self.http.get_json(f"{_API}/{path}", params)
        if not isinstance(found, list):
            raise self._malformed(f"a list from {path}", type(found).__name__)
        return found

    def paged(self, path: str, params: dict[str, Any] | None = None, *, agile: bool = False) -> Iterator[Any]:
        """Objects of a list with startAt and `values`; complete when `isLast` says so, or `total` is
        reached.
        """
        at = 0
        size = 50 if agile else 100
        while True:
            page = self.http.get_json(
                f"{_AGILE if agile else _API}/{path}",
                {**(params or {}), "startAt": at, "maxResults": size},
                require=("values",),
            )
            yield from page["values"]
            at += len(page["values"])
            total = page.get("total")
            is_last = page.get("isLast", total is not None and at >= total)
            if is_last or not page["values"]:
                return

    def users(self) -> Iterator[Any]:
        """All users: a bare array, complete at the first empty page (a short one may be filtered)."""
        at = 0
        while page := self.array("users/search", {"startAt": at, "maxResults": 1000}):
            yield from page
            at += len(page)

    def search(self, jql: str, *, ids_only: bool = False) -> Iterator[list[dict[str, Any]]]:
        """Pages of issues. A page may be short at any time: only `isLast` or a missing token ends the list.

        Arguments:
            jql: must have a restriction; Jira refuses an unbounded one.
            ids_only: 5,000 a page, without fields.
        """
        body: dict[str, Any] = {
            "jql": jql,
            "fields": ["id"] if ids_only else list(_ISSUE_FIELDS),
            "maxResults": _ID_PAGE if ids_only else _ISSUE_PAGE,
        }
        while True:
            page = self.http.post_json(f"{_API}/search/jql", body, require=("issues",))
            yield page["issues"]
            token = page.get("nextPageToken")
            if page.get("isLast") or not token:
                return
            if token == body.get("nextPageToken"):
                raise self._malformed("a new nextPageToken with each page", "the same one twice")
            body["nextPageToken"] = token

    def changelogs(self, issue_ids: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Pages of whole changelogs of up to 1,000 issues; an issue can span pages, one without history is
        absent.
        """
        body: dict[str, Any] = {"issueIdsOrKeys": list(issue_ids), "maxResults": _CHANGELOG_PAGE}
        while True:
            page = self.http.post_json(f"{_API}/changelog/bulkfetch", body, require=("issueChangeLogs",))
            yield page["issueChangeLogs"]
            token = page.get("nextPageToken")
            if not token:
                return
            if token == body.get("nextPageToken"):
                raise self._malformed("a new nextPageToken with each page", "the same one twice")
            body["nextPageToken"] = token

    def has_issue(self, issue_id: str) -> bool:
        """Whether the issue can be read by id; an archived one can."""
        response = self.http.get(f"{_API}/issue/{issue_id}", {"fields": "id"}, accept=(404,))
        return response.status_code != 404

    def readable_issues(self, issue_ids: Sequence[str]) -> set[str]:
        """Those of the ids that a bulk read returns: a cheap way to spare `has_issue` most of them."""

        def read(ids: Sequence[str]) -> list[str]:
            found = self.http.post_json(
                f"{_API}/issue/bulkfetch",
                {"issueIdsOrKeys": list(ids), "fields": ["id"]},
                require=("issues",),
            )
            return [str(one["id"]) for one in found["issues"]]

        chunks = [issue_ids[at : at + _BULK_READ] for at in range(0, len(issue_ids), _BULK_READ)]
        return {issue_id for some in self.http.map(read, chunks) for issue_id in some}

    def has_sprint(self, sprint_id: str) -> bool:
        """Whether the sprint can be read by id."""
        return self.http.get(f"{_AGILE}/sprint/{sprint_id}", accept=(404,)).status_code != 404

    def sprints(self, board_id: str) -> list[Any]:
        """Sprints of a board; none for a board that does not support them (400)."""
        try:
            return list(self.paged(f"board/{board_id}/sprint", agile=True))
        except RequestRefused as error:
            if error.status == 400:
                return []
            raise

    def _malformed(self, expected: str, came: str) -> MalformedResponse:
        return MalformedResponse(
            expected,
            came,
            "run again later; if it stays so, compare the answer with Jira's documentation",
            source=self.source,
        )
