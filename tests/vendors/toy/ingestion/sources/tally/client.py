"""Talking to Tally: credentials, its limit, pages.

Belongs here: what a request looks like and when a list is complete. Does not belong here: the form of
records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingestion.http import BearerAuth, HttpClient, Pacer
from ingestion.sources.tally.settings import TallySettings

_REQUESTS_PER_SECOND = 20


class TallyClient:
    """One account."""

    def __init__(self, settings: TallySettings, *, source: str, on_request: Callable[[int], None]) -> None:
        self.http: HttpClient = settings.client(
            settings.base_url,
            source=source,
            on_request=on_request,
            auth=BearerAuth(settings.api_key),
            pacer=Pacer(_REQUESTS_PER_SECOND, 1.0),
            secrets=(settings.api_key,),
        )

    def events(self, after: int) -> Iterator[list[dict[str, Any]]]:
        """Pages of events with a higher number; an empty one is the end."""
        while page := self.http.get_json("v1/events", {"after": after}, require=("events",))["events"]:
            yield page
            after = int(page[-1]["number"])
