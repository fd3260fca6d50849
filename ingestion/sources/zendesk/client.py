"""Talking to Zendesk: credentials, its limits per endpoint, and its four ways of paging.

Belongs here: what a request looks like and when a list is complete. Does not belong here: which lists are
read and in what order (`streams.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from requests import Response

from ingestion.errors import ConfigurationInvalid, MalformedResponse
from ingestion.http import BearerAuth, HttpClient
from ingestion.http.announced import AnnouncedPacer
from ingestion.sources.zendesk.settings import ZendeskSettings

_API = "api/v2"
_EXPORT_PAGE = 1000
_CURSOR_PAGE = 100
_SCOPE = "read"
_ENDPOINT_LIMIT = "zendesk-ratelimit-"
_LIMIT_PARTS = re.compile(r"(total|remaining|resets)\s*=\s*(\d+)")


class ZendeskClient:
    """One account."""

    def __init__(self, settings: ZendeskSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        prefix = f"SOURCES__{source.upper()}__"
        if not settings.base_url:
            raise ConfigurationInvalid(
                "base_url of the Zendesk account",
                "nothing",
                f"set {prefix}BASE_URL, e.g. https://<subdomain>.zendesk.com",
                source=source,
            )
        self.source = source
        self._settings = settings
        self._bearer: BearerAuth | None = None
        auth: BearerAuth | tuple[str, str]
        options: dict[str, Any] = {
            "source": source,
            "on_request": on_request,
            "secrets": (settings.client_secret or "", settings.api_token or ""),
        }
        self._account = AnnouncedPacer(settings.requests_per_minute, 60.0)
        self._buckets = {
            "incremental-exports": AnnouncedPacer(settings.exports_per_minute, 60.0, within=self._account),
            "incremental-exports-cursor": AnnouncedPacer(
                settings.user_exports_per_minute, 60.0, within=self._account
            ),
        }
        if settings.client_id and settings.client_secret:
            self._token_http = settings.client(settings.base_url, pacer=self._account, **options)
            auth = self._bearer = BearerAuth("")
        elif settings.email and settings.api_token:
            auth = (f"{settings.email}/token", settings.api_token)
        else:
            raise ConfigurationInvalid(
                "client_id and client_secret, or email and api_token",
                "neither",
                f"set {prefix}CLIENT_ID and {prefix}CLIENT_SECRET in the environment or dlt's secrets",
                source=source,
            )
        self.http: HttpClient = settings.client(
            settings.base_url,
            auth=auth,
            pacer=self._account,
            hold=self._hold,
            reauthorize=self._renew if self._bearer else None,
            **options,
        )
        if self._bearer:
            self._renew()

    def export_by_cursor(
        self,
        path: str,
        key: str,
        *,
        bucket: str,
        start_time: int,
        cursor: str | None,
        params: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[list[Any], str | None]]:
        """Pages of a cursor-based incremental export, each with the cursor to go on from.

        Arguments:
            bucket: whose limit it counts towards.
            start_time: epoch seconds, used without a cursor; at least a minute ago.
        """
        while True:
            at: dict[str, Any] = {"cursor": cursor} if cursor else {"start_time": start_time}
            page = self.http.get_json(
                f"{_API}/incremental/{path}/cursor.json",
                {**at, "per_page": _EXPORT_PAGE, **(params or {})},
                require=(key, "end_of_stream"),
                pacer=self._buckets[bucket],
            )
            after = page.get("after_cursor")
            yield page[key], after or cursor
            if page["end_of_stream"]:
                return
            if not after or after == cursor:
                raise self._malformed("a new after_cursor until end_of_stream", "none, or the same one twice")
            cursor = after

    def export_by_time(
        self, path: str, key: str, *, start_time: int, params: Mapping[str, str] | None = None
    ) -> Iterator[tuple[list[Any], int]]:
        """Pages of a time-based incremental export, each with the time to go on from.

        A page may hold more than 1,000 objects when many share a second, so the time always advances; where
        it does not, the list is at its end.
        """
        while True:
            page = self.http.get_json(
                f"{_API}/incremental/{path}.json",
                {"start_time": start_time, "per_page": _EXPORT_PAGE, **(params or {})},
                require=(key,),
                pacer=self._buckets["incremental-exports"],
            )
            end_time = page.get("end_time")
            has_advanced = isinstance(end_time, int) and end_time > start_time
            yield page[key], end_time if has_advanced else start_time
            is_over = page.get("end_of_stream", len(page[key]) < _EXPORT_PAGE)
            if is_over or not page[key]:
                return
            if not has_advanced:
                raise self._malformed(
                    f"an end_time after {start_time} until end_of_stream", f"{end_time!r} with more to come"
                )
            start_time = end_time

    def listed(self, path: str, key: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Objects of a list with cursor paging."""
        after: str | None = None
        while True:
            query = {**(params or {}), "page[size]": _CURSOR_PAGE} | ({"page[after]": after} if after else {})
            page = self.http.get_json(f"{_API}/{path}", query, require=(key,))
            yield from page[key]
            meta = page.get("meta") or {}
            following = meta.get("after_cursor")
            if not meta.get("has_more") or not following:
                return
            if following == after:
                raise self._malformed("a new meta.after_cursor with each page", "the same one twice")
            after = following

    def older_jira_links(self, since_id: int) -> Iterator[list[Any]]:
        """Pages of links above an id. This endpoint lies beside the API, not in it."""
        while True:
            page = self.http.get_json("api/services/jira/links", {"since_id": since_id}, require=("links",))
            links = page["links"]
            if not links:
                return
            yield links
            newest = max(int(one["id"]) for one in links)
            if newest <= since_id:
                return
            since_id = newest

    def _hold(self, response: Response) -> float | None:
        """Take over the limits of the account and of single endpoints, and hold a limit that is used up."""
        headers = response.headers
        self._learn(
            self._account,
            _number(headers.get("X-Rate-Limit") or headers.get("ratelimit-limit")),
            _number(headers.get("X-Rate-Limit-Remaining") or headers.get("ratelimit-remaining")),
            _number(headers.get("ratelimit-reset")),
        )
        for name, text in headers.items():
            bucket = self._buckets.get(name.lower().removeprefix(_ENDPOINT_LIMIT))
            if bucket and name.lower().startswith(_ENDPOINT_LIMIT):
                # `total=10; remaining=7; resets=43`
                parts = {key: int(value) for key, value in _LIMIT_PARTS.findall(text)}
                self._learn(bucket, parts.get("total"), parts.get("remaining"), parts.get("resets"))
        return None

    @staticmethod
    def _learn(pacer: AnnouncedPacer, total: int | None, remaining: int | None, resets: int | None) -> None:
        if total is not None and remaining is not None:
            pacer.announce(total, remaining)
            if remaining == 0 and resets:
                pacer.pause(resets)

    def _renew(self) -> bool:
        """A new access token; they expire, and 401 says so."""
        assert self._bearer is not None
        found = self._token_http.post_json(
            "oauth/tokens",
            {
                "grant_type": "client_credentials",
                "client_id": self._settings.client_id,
                "client_secret": self._settings.client_secret,
                "scope": _SCOPE,
            },
            require=("access_token",),
        )
        self._bearer.token = found["access_token"]
        return True

    def _malformed(self, expected: str, came: str) -> MalformedResponse:
        return MalformedResponse(
            expected,
            came,
            "run again later; if it stays so, compare the answer with Zendesk's documentation",
            source=self.source,
        )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
