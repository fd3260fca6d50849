"""Talking to Intercom: the version, its windows of ten seconds, and its three ways of paging.

Belongs here: what a request looks like and when a list is complete. Does not belong here: which lists are
read and in what order (`streams.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from requests import Response

from ingestion.errors import ConfigurationInvalid, MalformedResponse, RequestRefused, ServerFailed
from ingestion.http import BearerAuth, HttpClient
from ingestion.http.announced import AnnouncedPacer
from ingestion.sources.intercom.settings import IntercomSettings

_LOG = logging.getLogger(__name__)
VERSION = "2.17"
WINDOW_SECONDS = 10.0
_PER_PAGE = 150
_WORKERS = 8
# A scroll that nobody goes on with ends after a minute; until then no other can be opened.
_SCROLL_RETRY_SECONDS = 13.0
_SCROLL_TRIES = 6


class IntercomClient:
    """One workspace."""

    def __init__(self, settings: IntercomSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        if not settings.access_token:
            raise ConfigurationInvalid(
                "access_token of an Intercom app",
                "nothing",
                f"set SOURCES__{source.upper()}__ACCESS_TOKEN: the token of a private app of Intercom's "
                "Developer Hub, under Authentication",
                source=source,
            )
        self.source = source
        self._pacer = AnnouncedPacer(max(1, settings.requests_per_minute // 6), WINDOW_SECONDS)
        self._scroll_pacer = AnnouncedPacer(1_000_000, WINDOW_SECONDS, within=self._pacer)
        options: dict[str, Any] = {
            "source": source,
            "auth": BearerAuth(settings.access_token),
            "pacer": self._pacer,
            "hold": self._hold,
            "headers": {"Intercom-Version": VERSION},
            "secrets": (settings.access_token,),
            "on_request": on_request,
        }
        self.http: HttpClient = settings.client(settings.base_url, **options)
        # A page of a scroll cannot be asked for twice: after a failure the scroll starts again.
        once = settings.copy()
        once.retry_attempts = 1
        self._scroll_http: HttpClient = once.client(settings.base_url, **options)

    def __enter__(self) -> IntercomClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._scroll_http.close()

    def changed(
        self, path: str, key: str, *, since: int, before: int, params: Mapping[str, str] | None = None
    ) -> Iterator[list[Any]]:
        """Pages of objects whose last change is in [since, before), oldest change first.

        `before` is fixed for the whole search: what changes while pages are read leaves the result at its
        end, and is found by the next run.
        """
        window = [
            # `>` is documented as greater, and as greater or equal: a second less serves both.
            {"field": "updated_at", "operator": ">", "value": since - 1},
            {"field": "updated_at", "operator": "<", "value": before},
        ]
        after: str | None = None
        while True:
            paging: dict[str, Any] = {"per_page": _PER_PAGE}
            if after:
                paging["starting_after"] = after
            page = self.http.post_json(
                f"{path}/search",
                {
                    "query": {"operator": "AND", "value": window},
                    "pagination": paging,
                    "sort": {"field": "updated_at", "order": "ascending"},
                },
                params=params,
                require=(key,),
            )
            if page[key]:
                yield page[key]
            following = _cursor(page)
            if not following:
                return
            if following == after:
                raise self._malformed("a new starting_after with each page", "the same one twice")
            after = following

    def listed(self, path: str, key: str) -> Iterator[list[Any]]:
        """Pages of a whole list with cursors."""
        after: str | None = None
        while True:
            query: dict[str, Any] = {"per_page": _PER_PAGE} | ({"starting_after": after} if after else {})
            page = self.http.get_json(path, query, require=(key,))
            yield page[key]
            following = _cursor(page)
            if not following:
                return
            if following == after:
                raise self._malformed("a new starting_after with each page", "the same one twice")
            after = following

    def whole(self, path: str, key: str) -> list[Any]:
        """A list without pages."""
        found: list[Any] = self.http.get_json(path, require=(key,))[key]
        return found

    def conversations(self, keys: Iterable[str]) -> Iterator[dict[str, Any] | None]:
        """Conversations with their parts, in the order of the keys; None for one that is gone."""

        def read(key: str) -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = self.http.get_json(
                    f"conversations/{key}", {"display_as": "plaintext"}, require=("conversation_parts",)
                )
            except RequestRefused as error:
                if error.status == 404:
                    return None
                raise
            return found

        return self.http.map(read, keys, workers=_WORKERS)

    def deletions(self, since: int) -> Iterator[list[Any]]:
        """Pages of deleted conversations, the newest deletion first, back to `since` (epoch seconds)."""
        number = 1
        while True:
            page = self.http.get_json(
                "conversations/deleted",
                {"page": number, "per_page": _PER_PAGE, "order": "desc"},
                require=("conversations",),
            )
            found = page["conversations"]
            if found:
                yield found
            oldest = min((int(one.get("deleted_at") or 0) for one in found), default=0)
            pages = page.get("pages") or {}
            if not found or oldest < since or number >= int(pages.get("total_pages") or number):
                return
            number += 1

    def companies(self) -> list[Any]:
        """All companies, by the one scroll that the app may have open; from the beginning after a failure.

        Raises SourceError when no scroll came to its end.
        """
        for tried in range(1, _SCROLL_TRIES + 1):
            try:
                return self._scrolled()
            except (RequestRefused, ServerFailed, MalformedResponse) as error:
                is_busy = isinstance(error, RequestRefused) and "scroll_exists" in error.body
                if tried == _SCROLL_TRIES or (isinstance(error, RequestRefused) and not is_busy):
                    raise
                _LOG.info("%s: companies are read again from the beginning (%s)", self.source, error.came)
                if is_busy:
                    self._scroll_pacer.pause(_SCROLL_RETRY_SECONDS)
        raise AssertionError("unreachable")

    def _scrolled(self) -> list[Any]:
        found: list[Any] = []
        param: str | None = None
        while True:
            try:
                page = self._scroll_http.get_json(
                    "companies/scroll",
                    {"scroll_param": param} if param else None,
                    require=("data",),
                    pacer=self._scroll_pacer,
                )
            except RequestRefused as error:
                # The end, for those who go on after the empty page.
                if error.status == 404 and param and found:
                    raise self._malformed(
                        "an empty page at the end of the scroll", "a 404 before it"
                    ) from None
                raise
            if not page["data"]:
                return found
            found += page["data"]
            param = page.get("scroll_param")
            if not param:
                raise self._malformed("scroll_param until the empty page", "none")

    def _hold(self, response: Response) -> float | None:
        """Take over the app's own limit, and hold it when the window under way is used up.

        There is no Retry-After: the window ends at X-RateLimit-Reset, by the vendor's clock.
        """
        limit = _number(response.headers.get("X-RateLimit-Limit"))
        remaining = _number(response.headers.get("X-RateLimit-Remaining"))
        reset = _number(response.headers.get("X-RateLimit-Reset"))
        if limit is not None and remaining is not None:
            self._pacer.announce(limit, remaining)
        if reset is None or (remaining != 0 and response.status_code != 429):
            return None
        wait = min(max(0.0, reset - _sent_at(response)), 2 * WINDOW_SECONDS)
        self._pacer.pause(wait)
        return wait

    def _malformed(self, expected: str, came: str) -> MalformedResponse:
        return MalformedResponse(
            expected,
            came,
            "run again later; if it stays so, compare the answer with Intercom's documentation",
            source=self.source,
        )


def _cursor(page: Mapping[str, Any]) -> str | None:
    """The next page's cursor: the key is absent on the last page, or null."""
    following = (page.get("pages") or {}).get("next")
    found = following.get("starting_after") if isinstance(following, Mapping) else None
    return str(found) if found else None


def _sent_at(response: Response) -> float:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC).timestamp()


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
