"""What both kinds of Jira have in common: credentials, pages, and what the reader may ask for.

Belongs here: requests that Cloud and Data Center answer alike. Does not belong here: what differs
(`cloud.py`, `data_center.py`), which lists are read and in what order (`streams.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from requests import Response
from requests.auth import AuthBase

from ingestion.errors import MalformedResponse, RequestRefused
from ingestion.http import HttpClient, Pacer
from ingestion.sources.jira.settings import JiraSettings

Auth = AuthBase | tuple[str, str]
ProjectState = Literal["live", "archived", "deleted"]
# Comments and worklogs are not used; all else is kept in the payload.
ISSUE_FIELDS = ("*all", "-comment", "-worklog")
_AGILE = "rest/agile/1.0"
_KEYS_AT_ONCE = 100


class JiraClient(ABC):
    """One site, as one user.

    Arguments:
        auth: of the user.
        hold: reads the site's limit headers; see HttpClient.
    """

    api: ClassVar[str]

    def __init__(
        self,
        settings: JiraSettings,
        *,
        source: str,
        on_request: Callable[[int], None],
        auth: Auth,
        hold: Callable[[Response], float | None],
        secrets: Sequence[str | None],
    ) -> None:
        self.source = source
        self.http: HttpClient = settings.client(
            settings.base_url,
            source=source,
            on_request=on_request,
            auth=auth,
            pacer=Pacer(settings.requests_per_second, 1.0),
            hold=hold,
            secrets=tuple(secret or "" for secret in secrets),
        )

    @abstractmethod
    def myself(self) -> Mapping[str, Any]:
        """The user of the credentials; asked first, because other lists answer the unknown with nothing."""

    @abstractmethod
    def projects(self, state: ProjectState) -> list[Any]:
        """Projects of one state."""

    @abstractmethod
    def users(self) -> Iterator[Any]:
        """All users that can be listed, inactive ones included."""

    @abstractmethod
    def versions(self, project_key: str) -> Iterator[Any]:
        """Versions of a project."""

    @abstractmethod
    def search(self, jql: str, *, fields: Sequence[str] = ISSUE_FIELDS) -> Iterator[list[dict[str, Any]]]:
        """Pages of issues in the order that the JQL asks for; an issue may come twice.

        Arguments:
            jql: must have a restriction; Cloud refuses an unbounded one.
            fields: of the issues; pages of ids and keys alone are large.
        """

    @abstractmethod
    def changelogs(self, issues: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """Whole changelogs of issues that `search` gave, as `{"issueId", "changeHistories": [...]}`; an issue
        can come in several parts, one without history may be absent.
        """

    @abstractmethod
    def projects_of(self, issue_ids: Sequence[str]) -> dict[str, str]:
        """Projects of those ids that a few requests prove to be there; spares `project_of` most of them."""

    def array(self, path: str, params: Mapping[str, Any] | None = None) -> list[Any]:
        """A list that comes whole."""
        found = self.http.get_json(f"{self.api}/{path}", params)
        if not isinstance(found, list):
            raise self._malformed(f"a list from {path}", type(found).__name__)
        return found

    def paged(
        self, path: str, params: Mapping[str, Any] | None = None, *, agile: bool = False
    ) -> Iterator[Any]:
        """Objects of a list with startAt and `values`; complete when `isLast` says so, or `total` is
        reached.
        """
        at = 0
        size = 50 if agile else 100
        while True:
            page = self.http.get_json(
                f"{_AGILE if agile else self.api}/{path}",
                {**(params or {}), "startAt": at, "maxResults": size},
                require=("values",),
            )
            yield from page["values"]
            at += len(page["values"])
            total = page.get("total")
            is_last = page.get("isLast", total is not None and at >= total)
            if is_last or not page["values"]:
                return

    def bare_pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Objects of bare arrays with startAt, complete at the first empty one (a short one may be
        filtered).
        """
        at = 0
        while page := self.array(path, {**params, "startAt": at, "maxResults": 1000}):
            yield from page
            at += len(page)

    def project_of(self, issue_id: str) -> str | None:
        """The id of the project that an issue is in now, empty if it is not told; None for an issue that
        cannot be read. An archived one can.
        """
        response = self.http.get(f"{self.api}/issue/{issue_id}", {"fields": "project"}, accept=(404,))
        return None if response.status_code == 404 else project_id(response.json())

    def issue_ids(self, keys: Iterable[str]) -> dict[str, str]:
        """Ids of issues by key, past keys too; what cannot be found is absent."""

        def ask(some: Sequence[str]) -> dict[str, str]:
            try:
                pages = list(self.search(f"key in ({', '.join(some)}) ORDER BY id", fields=("id", "key")))
            except RequestRefused as error:
                # One key that no longer exists spoils the query.
                if error.status != 400:
                    raise
                pages = []
            listed = {str(one["key"]): str(one["id"]) for page in pages for one in page if "key" in one}
            return {key: listed[key] if key in listed else self._id_of(key) or "" for key in some}

        wanted = sorted(set(keys))
        chunks = [wanted[at : at + _KEYS_AT_ONCE] for at in range(0, len(wanted), _KEYS_AT_ONCE)]
        return {key: one for some in chunks for key, one in ask(some).items() if one}

    def _id_of(self, key: str) -> str | None:
        response = self.http.get(f"{self.api}/issue/{key}", {"fields": "id"}, accept=(404,))
        return None if response.status_code == 404 else str(response.json()["id"])

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


def project_id(issue: Mapping[str, Any]) -> str:
    """The id of the project that an issue is in; empty if it is not told."""
    return str(((issue.get("fields") or {}).get("project") or {}).get("id") or "")
