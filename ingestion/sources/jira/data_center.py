"""Jira Data Center (and Server): the platform API v2.

Belongs here: what only Data Center does: its credentials, answers to the unknown as to anybody, search by
position, changelogs inside the issues. Does not belong here: which lists are read and in what order
(`streams.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from requests import Response

from ingestion.errors import ConfigurationInvalid, RequestRefused, Unauthorized
from ingestion.http import BearerAuth
from ingestion.sources.jira.client import ISSUE_FIELDS, Auth, JiraClient, ProjectState, project_id
from ingestion.sources.jira.settings import JiraSettings

_ID_PAGE = 1000
# Changelogs come with the issues and are made in the server's memory.
_ISSUE_PAGE = 50
_OVERLAP = 5
_IDS_AT_ONCE = 100
_ANONYMOUS = "anonymous"
_LONGEST_HOLD_SECONDS = 60.0


def hold(response: Response) -> float | None:
    """Seconds until the token bucket has a token again, if this answer took the last one."""
    headers = response.headers
    if response.status_code != 429 and headers.get("X-RateLimit-Remaining") != "0":
        return None
    try:
        interval = float(headers.get("X-RateLimit-Interval-Seconds", ""))
        refill = float(headers.get("X-RateLimit-FillRate", ""))
    except ValueError:
        return None
    return min(_LONGEST_HOLD_SECONDS, interval / refill) if refill > 0 else None


class DataCenterClient(JiraClient):
    """A site of the company's own."""

    api = "rest/api/2"

    def __init__(self, settings: JiraSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        auth: Auth
        if settings.access_token:
            auth = BearerAuth(settings.access_token)
        elif settings.username and settings.password:
            auth = (settings.username, settings.password)
        else:
            raise ConfigurationInvalid(
                "access_token (a personal access token), or username and password",
                "neither",
                f"set SOURCES__{source.upper()}__ACCESS_TOKEN (or __USERNAME and __PASSWORD) "
                "in the environment or dlt's secrets",
                source=source,
            )
        super().__init__(
            settings,
            source=source,
            on_request=on_request,
            auth=auth,
            hold=self._judged,
            secrets=(settings.access_token, settings.password),
        )

    def myself(self) -> Mapping[str, Any]:
        """The user of the credentials."""
        found = self.http.get_json(f"{self.api}/myself")
        if not isinstance(found, dict) or not (found.get("key") or found.get("name")):
            raise self._stranger()
        return found

    def projects(self, state: ProjectState) -> list[Any]:
        """Of one list; deleted ones are not kept."""
        return [
            one for one in self._every_project if state == ("archived" if one.get("archived") else "live")
        ]

    @cached_property
    def _every_project(self) -> list[Any]:
        return self.array("project", {"expand": "description,lead", "includeArchived": "true"})

    def users(self) -> Iterator[Any]:
        """Whoever has a full stop in name or address, which is everybody with an e-mail."""
        return self.bare_pages("user/search", {"username": ".", "includeInactive": "true"})

    def versions(self, project_key: str) -> Iterator[Any]:
        """As one list."""
        return iter(self.array(f"project/{project_key}/versions"))

    def search(self, jql: str, *, fields: Sequence[str] = ISSUE_FIELDS) -> Iterator[list[dict[str, Any]]]:
        """By position, with some overlap: an issue that is changed while the list is being read moves to its
        end, and all behind it move up. A page that begins with an issue that has been seen has left nothing
        out; else the read steps back.
        """
        params: dict[str, Any] = {"jql": jql, "fields": ",".join(fields)}
        if set(fields) <= {"id", "key"}:
            params["maxResults"] = _ID_PAGE
        else:
            params |= {"maxResults": _ISSUE_PAGE, "expand": "changelog"}
        seen: dict[str, Any] = {}
        start = 0
        while True:
            page = self.http.get_json(
                f"{self.api}/search", {**params, "startAt": start}, require=("issues", "total")
            )
            issues = page["issues"]
            if start and issues and str(issues[0].get("id")) not in seen:
                start = max(0, start - len(issues))
                continue
            fresh = [one for one in issues if seen.get(str(one.get("id")), _NEVER) != _stamp(one)]
            seen |= {str(one.get("id")): _stamp(one) for one in issues}
            if fresh:
                yield fresh
            end = start + len(issues)
            if not issues or end >= page["total"]:
                return
            # A page no longer than the overlap must move on all the same.
            start = end - min(_OVERLAP, len(issues) - 1)

    def changelogs(self, issues: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """As they came with the issues; one that was cut is read again by itself."""
        yield [
            {
                "issueId": one["id"],
                "changeHistories": [self._with_field_ids(each) for each in self._histories(one)],
            }
            for one in issues
            if "id" in one
        ]

    def _histories(self, issue: Mapping[str, Any]) -> list[Any]:
        log = issue.get("changelog") or {}
        if not log or len(log.get("histories") or []) < log.get("total", 0):
            path, params = f"{self.api}/issue/{issue['id']}", {"fields": "id", "expand": "changelog"}
            log = self.http.get_json(path, params, require=("changelog",))["changelog"]
        histories = log.get("histories") or []
        if len(histories) < log.get("total", 0):
            raise self._malformed(
                f"the whole changelog of issue {issue['id']}", f"{len(histories)} of {log['total']} entries"
            )
        return list(histories)

    def _with_field_ids(self, history: Mapping[str, Any]) -> dict[str, Any]:
        """The history with the fields' ids, which older versions tell by name only."""
        items = [
            item
            if item.get("fieldId")
            else {**item, "fieldId": self._field_ids.get(str(item.get("field")).lower())}
            for item in history.get("items") or []
        ]
        return {**history, "items": items}

    @cached_property
    def _field_ids(self) -> dict[str, str]:
        return {str(one.get("name")).lower(): str(one["id"]) for one in self.array("field") if "id" in one}

    def projects_of(self, issue_ids: Sequence[str]) -> dict[str, str]:
        """By search; one id that is gone spoils the query, then none of it is proven."""

        def read(ids: Sequence[str]) -> dict[str, str]:
            try:
                pages = list(self.search(f"id in ({', '.join(ids)}) ORDER BY id", fields=("id", "project")))
            except RequestRefused as error:
                if error.status != 400:
                    raise
                return {}
            return {str(one["id"]): project_id(one) for page in pages for one in page}

        chunks = [issue_ids[at : at + _IDS_AT_ONCE] for at in range(0, len(issue_ids), _IDS_AT_ONCE)]
        return {key: home for some in self.http.map(read, chunks) for key, home in some.items()}

    def _judged(self, response: Response) -> float | None:
        """Wrong credentials are answered as nobody's: 200, with what anybody may see."""
        if response.headers.get("X-AUSERNAME") == _ANONYMOUS:
            raise self._stranger()
        return hold(response)

    def _stranger(self) -> Unauthorized:
        return Unauthorized(
            "Jira to know the user of the credentials",
            "an answer as to somebody who is not logged in",
            "check access_token (or username and password): tokens expire, and can be revoked in the "
            "user's profile",
            source=self.source,
        )


_NEVER = object()


def _stamp(issue: Mapping[str, Any]) -> Any:
    return (issue.get("fields") or {}).get("updated")
