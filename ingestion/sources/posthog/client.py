"""Talking to PostHog: credentials, limits, HogQL and lists.

Belongs here: what a request looks like and when a list is complete. Does not belong here: what is asked
(`streams.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingestion.errors import MalformedResponse
from ingestion.http import BearerAuth, HttpClient, Pacer, Pacers
from ingestion.sources.posthog.settings import PosthogSettings

_QUERIES_PER_MINUTE = 120
_QUERIES_PER_HOUR = 2400


class PosthogClient:
    """One project."""

    def __init__(self, settings: PosthogSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        self._source = source
        self._project = f"/api/projects/{settings.project_id}"
        self._query_pacer = Pacers(Pacer(_QUERIES_PER_MINUTE, 60.0), Pacer(_QUERIES_PER_HOUR, 3600.0))
        self.http: HttpClient = settings.client(
            settings.base_url,
            source=source,
            on_request=on_request,
            auth=BearerAuth(settings.api_key),
            pacer=Pacers(Pacer(8, 1.0), Pacer(4800, 3600.0)),
            secrets=(settings.api_key,),
        )

    def query(self, hogql: str) -> list[list[Any]]:
        """Rows of a query, fresh: without it, an answer may be hours old."""
        answer = self.http.post_json(
            f"{self._project}/query/",
            {"query": {"kind": "HogQLQuery", "query": hogql}, "refresh": "force_blocking"},
            require=("results", "columns"),
            pacer=self._query_pacer,
        )
        rows = answer["results"]
        if not isinstance(rows, list) or any(len(row) != len(answer["columns"]) for row in rows):
            raise MalformedResponse(
                "rows as long as the list of columns",
                "others",
                "run again later; if it stays so, compare with PostHog's documentation of the query API",
                source=self._source,
            )
        return rows

    def persons(self) -> Iterator[list[Any]]:
        """Pages of persons; the next one is a link, and the last has none."""
        path: str | None = f"{self._project}/persons/"
        params: dict[str, Any] | None = {"limit": 100}
        while path:
            page = self.http.get_json(path, params, require=("results",))
            yield page["results"]
            path, params = page.get("next"), None
