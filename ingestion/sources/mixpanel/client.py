"""Mixpanel's two APIs behind one object: hosts, credentials, limits.

Belongs here: what every request has in common. Does not belong here: what is asked (`export.py`,
`profiles.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from ingestion.errors import MalformedResponse
from ingestion.http import HttpClient, Pacer, Pacers
from ingestion.sources.mixpanel.settings import MixpanelSettings

# Three are allowed, however close together a slow line delivers them, and two runs in a row share the second:
# so they leave one at a time. The hour's 60 bind long before.
_EXPORTS_PER_SECOND = 2


class MixpanelClient:
    """Raw export and query API of one project. 60 queries an hour each, the export also 3 a second."""

    def __init__(self, settings: MixpanelSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        self._settings = settings
        self._source = source
        common: dict[str, Any] = {
            "source": source,
            "on_request": on_request,
            "auth": (settings.username, settings.secret),
            "secrets": (settings.secret,),
        }
        self._data = settings.client(
            settings.data_base_url,
            pacer=Pacers(Pacer(1, 1 / _EXPORTS_PER_SECOND), Pacer(60, 3600.0)),
            headers={"Accept": "text/plain, application/json"},
            **common,
        )
        self._api = settings.client(
            settings.api_base_url, pacer=Pacers(Pacer(5, 1.0), Pacer(60, 3600.0)), **common
        )

    def close(self) -> None:
        """Close both connections."""
        self._data.close()
        self._api.close()

    def export(self, first: str, last: str, to: Path, check: Callable[[Path], str | None]) -> int:
        """Events of the days `first` to `last`, both inclusive, as lines of JSON in a file; returns its
        size.
        """
        return self._data.download(
            "/api/2.0/export",
            to,
            {
                "project_id": self._settings.project_id,
                "from_date": first,
                "to_date": last,
                "time_in_ms": "true",
            },
            check=check,
        )

    @property
    def data(self) -> HttpClient:
        """The connection to the raw export."""
        return self._data

    def sample(self, first: str, last: str, limit: int) -> list[dict[str, Any]]:
        """A few events of the days `first` to `last`, both inclusive."""
        answer = self._data.get(
            "/api/2.0/export",
            {
                "project_id": self._settings.project_id,
                "from_date": first,
                "to_date": last,
                "time_in_ms": "true",
                "limit": limit,
            },
        )
        try:
            return [orjson.loads(line) for line in answer.content.splitlines() if line.strip()]
        except orjson.JSONDecodeError as error:
            raise MalformedResponse(
                "an event a line",
                f"a line that is no JSON ({error})",
                "run again later; if it stays so, compare with Mixpanel's documentation of the raw export",
                source=self._source,
            ) from None

    def event_names(self) -> list[str]:
        """The names of the events that came most often lately, at most 255."""
        found = self._api.get_json(
            "/api/query/events/names",
            {"project_id": self._settings.project_id, "type": "general", "limit": 255},
        )
        if not isinstance(found, list):
            raise MalformedResponse(
                "a list of event names",
                type(found).__name__,
                "run again later; if it stays so, compare with Mixpanel's documentation of events/names",
                source=self._source,
            )
        return [str(name) for name in found]

    def profiles(self, **query: str) -> Iterator[list[dict[str, Any]]]:
        """Pages of profiles; the pages of one list hang on the session of the first."""
        page = 0
        session: str | None = None
        while True:
            form: dict[str, Any] = {**query, "page": page, "page_size": self._settings.profile_page_size}
            if session:
                form["session_id"] = session
            answer = self._api.post_json(
                "/api/query/engage",
                data=form,
                params={"project_id": self._settings.project_id},
                require=("results",),
            )
            results = answer["results"]
            if not isinstance(results, list):
                raise MalformedResponse(
                    "a list of profiles",
                    f"{type(results).__name__} in results",
                    "run again later; if it stays so, compare with Mixpanel's documentation of engage",
                    source=self._source,
                )
            yield results
            session = answer.get("session_id")
            size = int(answer.get("page_size") or self._settings.profile_page_size)
            if len(results) < size or not session:
                return
            page += 1
