"""Talking to HubSpot: credentials, the two families of paths, pace, and its ways of paging.

Belongs here: what a request looks like and when a list is complete. Does not belong here: which lists are
read and in what order (`streams.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from requests import Response

from ingestion.errors import ConfigurationInvalid, MalformedResponse, RateLimited, Unauthorized
from ingestion.http import BearerAuth, HttpClient, Pacer
from ingestion.http.announced import AnnouncedPacer
from ingestion.sources.hubspot.settings import HubSpotSettings

_PAGE = 100
_PAGE_WITH_HISTORY = 50
_SEARCH_PAGE = 200
_ASSOCIATION_INPUTS = 1000
_LONGEST_PROPERTIES = 15_000
_BAD_TOKEN_FORMAT = 530


class HubSpotClient:
    """One account."""

    def __init__(self, settings: HubSpotSettings, *, source: str, on_request: Callable[[int], None]) -> None:
        has_oauth = bool(settings.client_id and settings.client_secret and settings.refresh_token)
        if not settings.access_token and not has_oauth:
            raise ConfigurationInvalid(
                "access_token, or client_id, client_secret and refresh_token",
                "neither",
                f"set SOURCES__{source.upper()}__ACCESS_TOKEN in the environment or dlt's secrets",
                source=source,
            )
        self.source = source
        self._settings = settings
        self._version = settings.api_version
        self._auth = BearerAuth(settings.access_token or "")
        self._pacer = AnnouncedPacer(settings.requests_per_10_seconds, 10.0)
        # Evenly spaced rather than in bursts, since two runs in a row share the account's second; and with
        # room for requests that a slow line delivers closer together than they were sent.
        self._search_pacer = Pacer(1, 1 / settings.searches_per_second, margin=0.1)
        options: dict[str, Any] = {
            "source": source,
            "on_request": on_request,
            "secrets": (
                settings.access_token or "",
                settings.client_secret or "",
                settings.refresh_token or "",
            ),
        }
        self.http: HttpClient = settings.client(
            settings.base_url,
            auth=self._auth,
            pacer=self._pacer,
            hold=self._hold,
            reauthorize=self._renew if has_oauth else None,
            **options,
        )
        self._token_http = settings.client(settings.base_url, **options) if has_oauth else None

    def properties(self, object_type: str) -> list[str]:
        """Names of all properties of a type."""
        path = self._path("properties", object_type)
        found = self.http.get_json(path, require=("results",))
        return [str(one["name"]) for one in found["results"] if one.get("name")]

    def objects(
        self,
        object_type: str,
        *,
        properties: Sequence[str],
        history: Sequence[str] = (),
        is_archived: bool = False,
        after: str | None = None,
    ) -> Iterator[tuple[list[dict[str, Any]], str | None]]:
        """Pages of all objects of a type, each with the token of the next page (None: the last).

        Arguments:
            properties: split over several requests where the URL would become too long.
            is_archived: only the archived ones, instead of only the others.
            after: the token to go on from.
        """
        path = self._path("objects", object_type)
        chunks = list(_chunks_of_properties(properties))
        while True:
            params: dict[str, Any] = {
                "limit": _PAGE_WITH_HISTORY if history else _PAGE,
                "archived": "true" if is_archived else "false",
            }
            if after:
                params["after"] = after
            first = self.http.get_json(
                path,
                {**params, "properties": chunks[0]}
                | ({"propertiesWithHistory": ",".join(history)} if history else {}),
                require=("results",),
            )
            by_id = {str(one.get("id")): one for one in first["results"]}
            for chunk in chunks[1:]:
                more = self.http.get_json(path, {**params, "properties": chunk}, require=("results",))
                for one in more["results"]:
                    if str(one.get("id")) in by_id:
                        by_id[str(one["id"])]["properties"].update(one.get("properties") or {})
            following = _next_after(first)
            if following is not None and following == after:
                raise self._malformed("a new paging.next.after with each page", "the same one twice")
            yield first["results"], following
            if following is None:
                return
            after = following

    def changed_ids(
        self, object_type: str, cursor: str, *, from_ms: int, to_ms: int, after_id: str | None = None
    ) -> Iterator[list[str]]:
        """Pages of ids of objects last changed within a window, by ascending id.

        Each page is a query of its own for ids above the last one: paging by offset ends at 10,000 results,
        and skips objects when others leave the window meanwhile.
        """
        path = self._path("objects", object_type, "search")
        while True:
            filters = [
                {"propertyName": cursor, "operator": "GTE", "value": str(from_ms)},
                {"propertyName": cursor, "operator": "LTE", "value": str(to_ms)},
            ]
            if after_id is not None:
                filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": after_id})
            page = self.http.post_json(
                path,
                {
                    "filterGroups": [{"filters": filters}],
                    "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                    "properties": [cursor],
                    "limit": _SEARCH_PAGE,
                },
                require=("results",),
                pacer=self._search_pacer,
            )
            ids = [str(one["id"]) for one in page["results"]]
            if ids:
                yield ids
            if not ids or _next_after(page) is None:
                return
            if ids[-1] == after_id:
                raise self._malformed(f"ids above {after_id}", "the same ones again")
            after_id = ids[-1]

    def read(
        self, object_type: str, ids: Sequence[str], *, properties: Sequence[str], history: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Objects by id; those that no longer exist are missing."""
        path = self._path("objects", object_type, "batch/read")
        size = _PAGE_WITH_HISTORY if history else _PAGE

        def one(some: Sequence[str]) -> list[dict[str, Any]]:
            body: dict[str, Any] = {"inputs": [{"id": key} for key in some], "properties": list(properties)}
            if history:
                body["propertiesWithHistory"] = list(history)
            return self.http.post_json(path, body, require=("results",))["results"]

        pages = self.http.map(one, _chunks(ids, size), workers=self._settings.workers)
        return [found for page in pages for found in page]

    def associations(
        self, from_type: str, to_type: str, ids: Sequence[str]
    ) -> dict[str, dict[str, list[Any]]]:
        """For each object that has any: the ids at the other end, with the types of the association."""
        found: dict[str, dict[str, list[Any]]] = {}
        if self._version.startswith("v"):
            path = f"crm/v4/associations/{from_type}/{to_type}/batch/read"
        else:
            path = f"crm/associations/{self._version}/{from_type}/{to_type}/batch/read"

        def one(inputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
            # Complete answers are 200, partial ones 207: an input without associations counts as an error
            # there.
            return self.http.post_json(path, {"inputs": list(inputs)}, require=("results",))["results"]

        inputs: list[dict[str, Any]] = [{"id": key} for key in ids]
        while inputs:
            following: list[dict[str, Any]] = []
            pages = self.http.map(one, _chunks(inputs, _ASSOCIATION_INPUTS), workers=self._settings.workers)
            for page in pages:
                for result in page:
                    from_id = str(result["from"]["id"])
                    ends = found.setdefault(from_id, {})
                    for end in result.get("to") or []:
                        ends.setdefault(str(end["toObjectId"]), []).extend(end.get("associationTypes") or [])
                    if after := _next_after(result):
                        following.append({"id": from_id, "after": after})
            inputs = following
        return found

    def owners(self, *, is_archived: bool) -> Iterator[Any]:
        """Owners; the departed ones are asked for apart."""
        after: str | None = None
        while True:
            params = {"limit": 100, "archived": "true" if is_archived else "false"}
            page = self.http.get_json(
                self._path("owners"), params | ({"after": after} if after else {}), require=("results",)
            )
            yield from page["results"]
            following = _next_after(page)
            if following is None or following == after:
                return
            after = following

    def pipelines(self, object_type: str) -> list[Any]:
        """Pipelines with their stages; not paged."""
        return self.http.get_json(self._path("pipelines", object_type), require=("results",))["results"]

    def _path(self, api: str, *rest: str) -> str:
        if self._version.startswith("v"):
            parts: tuple[str, ...] = ("crm", self._version, api, *rest)
        else:
            parts = ("crm", api, self._version, *rest)
        return "/".join(parts)

    def _hold(self, response: Response) -> float | None:
        """HubSpot's own words on limits: the burst limit of the plan in headers, and which limit was hit in
        the body of a 429, where `Retry-After` is not always present.
        """
        if response.status_code == _BAD_TOKEN_FORMAT:
            raise Unauthorized(
                "HubSpot to accept the token",
                f"HTTP {_BAD_TOKEN_FORMAT}: not of a token's form",
                "check access_token: it must be the bare token, without quotes or 'Bearer'",
                source=self.source,
            )
        headers = response.headers
        limit = headers.get("X-HubSpot-RateLimit-Max", "")
        if limit.isdecimal() and headers.get("X-HubSpot-RateLimit-Interval-Milliseconds") == "10000":
            remaining = headers.get("X-HubSpot-RateLimit-Remaining", "")
            self._pacer.announce(int(limit), int(remaining) if remaining.isdecimal() else int(limit))
        if response.status_code != 429:
            return None
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = {}
        policy = str(body.get("policyName") or "") if isinstance(body, Mapping) else ""
        if policy.startswith("DAILY"):
            raise RateLimited(
                "an answer within the account's daily limit",
                "'daily limit reached'",
                "run it again after midnight of the account's time zone; see what else uses its requests",
                source=self.source,
            )
        return 1.0 if policy.startswith("SECONDLY") else 10.0

    def _renew(self) -> bool:
        """A new access token for the refresh token."""
        assert self._token_http is not None
        settings = self._settings
        path = "oauth/v1/token" if self._version.startswith("v") else "oauth/2026-03/token"
        found = self._token_http.post_json(
            path,
            data={
                "grant_type": "refresh_token",
                "client_id": settings.client_id,
                "client_secret": settings.client_secret,
                "refresh_token": settings.refresh_token,
            },
            require=("access_token",),
        )
        self._auth.token = found["access_token"]
        return True

    def _malformed(self, expected: str, came: str) -> MalformedResponse:
        return MalformedResponse(
            expected,
            came,
            "run again later; if it stays so, compare the answer with HubSpot's documentation",
            source=self.source,
        )


def _next_after(found: Mapping[str, Any]) -> str | None:
    after = ((found.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def _chunks_of_properties(names: Iterable[str]) -> Iterator[str]:
    """Comma lists that fit into a URL."""
    chunk: list[str] = []
    length = 0
    for name in names:
        if chunk and length + len(name) + 1 > _LONGEST_PROPERTIES:
            yield ",".join(chunk)
            chunk, length = [], 0
        chunk.append(name)
        length += len(name) + 1
    yield ",".join(chunk)
