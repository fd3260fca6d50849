"""Jira Cloud: the platform API v3.

Belongs here: what only Cloud does: its credentials, search by page token, bulk changelogs, limit headers.
Does not belong here: which lists are read and in what order (`streams.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from requests import Response

from ingestion.errors import ConfigurationInvalid, Unauthorized
from ingestion.http import BearerAuth
from ingestion.sources.jira.client import ISSUE_FIELDS, Auth, JiraClient, ProjectState, project_id
from ingestion.sources.jira.settings import JiraSettings

_ID_PAGE = 5000
_ISSUE_PAGE = 100
_CHANGELOG_PAGE = 1000
_BULK_READ = 100
_LONGEST_HOLD_SECONDS = 60.0
_NEAR_LIMIT_SECONDS = 0.5


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


class CloudClient(JiraClient):
    """A Cloud site."""

    api = "rest/api/3"

    def __init__(self, settings: JiraSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        auth: Auth
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
        super().__init__(
            settings,
            source=source,
            on_request=on_request,
            auth=auth,
            hold=hold,
            secrets=(settings.api_token, settings.access_token),
        )

    def myself(self) -> Mapping[str, Any]:
        """The user of the credentials. Asked first: with a bad token, search answers 200 without issues."""
        try:
            found = self.http.get_json(f"{self.api}/myself")
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
                "check email and api_token; for a site of your own set deployment to data_center",
                source=self.source,
            )
        return found

    def projects(self, state: ProjectState) -> list[Any]:
        """Asked by state, since not every site marks it on the object."""
        return list(self.paged("project/search", {"expand": "description,lead", "status": state}))

    def users(self) -> Iterator[Any]:
        """Apps included."""
        return self.bare_pages("users/search", {})

    def versions(self, project_key: str) -> Iterator[Any]:
        """In their order."""
        return self.paged(f"project/{project_key}/version", {"orderBy": "sequence"})

    def search(self, jql: str, *, fields: Sequence[str] = ISSUE_FIELDS) -> Iterator[list[dict[str, Any]]]:
        """By page token. A page may be short at any time: only `isLast` or a missing token ends the list."""
        body: dict[str, Any] = {
            "jql": jql,
            "fields": list(fields),
            "maxResults": _ID_PAGE if set(fields) <= {"id", "key"} else _ISSUE_PAGE,
        }
        while True:
            page = self.http.post_json(f"{self.api}/search/jql", body, require=("issues",))
            yield page["issues"]
            token = page.get("nextPageToken")
            if page.get("isLast") or not token:
                return
            if token == body.get("nextPageToken"):
                raise self._malformed("a new nextPageToken with each page", "the same one twice")
            body["nextPageToken"] = token

    def changelogs(self, issues: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """In bulk, of up to 1,000 issues: what the search embeds is cut at 40 entries."""
        ids = [str(one["id"]) for one in issues if "id" in one]
        if not ids:
            return
        body: dict[str, Any] = {"issueIdsOrKeys": ids, "maxResults": _CHANGELOG_PAGE}
        while True:
            page = self.http.post_json(f"{self.api}/changelog/bulkfetch", body, require=("issueChangeLogs",))
            yield page["issueChangeLogs"]
            token = page.get("nextPageToken")
            if not token:
                return
            if token == body.get("nextPageToken"):
                raise self._malformed("a new nextPageToken with each page", "the same one twice")
            body["nextPageToken"] = token

    def projects_of(self, issue_ids: Sequence[str]) -> dict[str, str]:
        """By bulk reads."""

        def read(ids: Sequence[str]) -> dict[str, str]:
            found = self.http.post_json(
                f"{self.api}/issue/bulkfetch",
                {"issueIdsOrKeys": list(ids), "fields": ["project"]},
                require=("issues",),
            )
            return {str(one["id"]): project_id(one) for one in found["issues"]}

        chunks = [issue_ids[at : at + _BULK_READ] for at in range(0, len(issue_ids), _BULK_READ)]
        return {key: home for some in self.http.map(read, chunks) for key, home in some.items()}
