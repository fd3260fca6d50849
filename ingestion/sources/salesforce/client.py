"""Talking to Salesforce: tokens, limits, queries over REST, and bulk jobs.

Belongs here: what a request looks like, when a list is complete, what refusals mean. Does not belong here:
which objects
are read and in what order (`streams.py`).
"""

from __future__ import annotations

import csv
import io
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
from requests import Response

from ingestion.errors import (
    ConfigurationInvalid,
    MalformedResponse,
    RateLimited,
    RequestRefused,
    ServerFailed,
    Unauthorized,
)
from ingestion.http import BearerAuth, HttpClient
from ingestion.sources.salesforce.settings import SalesforceSettings

_LOG = logging.getLogger(__name__)
_TOKEN_PATH = "services/oauth2/token"
# The whole request line may have 16,384 characters.
LONGEST_QUERY = 15_000
_RESULT_TRIES = 3
_LONGEST_JOB_SECONDS = 6 * 3600


class NotFoundError(Exception):
    """The org has no such thing, or the user may not see it."""


class NoBulkError(Exception):
    """The org, the user or the object cannot be queried in bulk."""


class LocatorDiedError(Exception):
    """A list that was begun can no longer be gone on with."""


class SalesforceClient:
    """One org. Signs in with the first request."""

    def __init__(
        self, settings: SalesforceSettings, *, source: str, on_request: Callable[[int], None]
    ) -> None:
        if not settings.client_secret and not settings.refresh_token:
            raise ConfigurationInvalid(
                "client_secret of an External Client App, or a refresh_token",
                "neither",
                f"set SOURCES__{source.upper()}__CLIENT_SECRET in the environment or dlt's secrets",
                source=source,
            )
        self.source = source
        self._settings = settings
        self._auth = BearerAuth("")
        self._lock = threading.Lock()
        self._http: HttpClient | None = None
        self._options: dict[str, Any] = {
            "source": source,
            "on_request": on_request,
            "secrets": (settings.client_secret or "", settings.refresh_token or ""),
        }
        self._token_http = settings.client(settings.base_url, **self._options)
        self._path = f"services/data/v{settings.api_version.removeprefix('v')}"
        self.api_usage: tuple[int, int] | None = None

    def __enter__(self) -> SalesforceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._token_http.close()
        if self._http:
            self._http.close()

    @property
    def http(self) -> HttpClient:
        """The client of the org's instance, signed in."""
        with self._lock:
            if self._http is None:
                self._http = self._settings.client(
                    self._sign_in(),
                    auth=self._auth,
                    hold=self._heed,
                    reauthorize=self._renew,
                    **self._options,
                )
            return self._http

    def _sign_in(self) -> str:
        """Get a token; returns the address that all further requests go to."""
        settings = self._settings
        form: dict[str, Any] = {"client_id": settings.client_id}
        if settings.client_secret:
            form["client_secret"] = settings.client_secret
        if settings.refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": settings.refresh_token}
        else:
            form["grant_type"] = "client_credentials"
        try:
            found = self._token_http.post_json(
                _TOKEN_PATH, data=form, require=("access_token", "instance_url")
            )
        except RequestRefused as refusal:
            raise Unauthorized(
                refusal.expected,
                refusal.came,
                "check base_url (the org's own domain, not login.salesforce.com), client_id and "
                "client_secret; the "
                "External Client App needs the client credentials flow switched on and a user to run as",
                source=self.source,
            ) from None
        instance = str(found["instance_url"])
        if urlsplit(instance).scheme != urlsplit(settings.base_url).scheme:
            raise MalformedResponse(
                f"an instance_url with the scheme of {settings.base_url}",
                instance,
                "check base_url",
                source=self.source,
            )
        self._auth.token = str(found["access_token"])
        return instance

    def _renew(self) -> bool:
        """A new token for an expired one: replies do not say how long it lives."""
        self._sign_in()
        return True

    def _heed(self, response: Response) -> float | None:
        """The org's daily limit: how much of it is used, and that it is used up, which comes as a 403."""
        usage = response.headers.get("Sforce-Limit-Info", "")
        used, _, most = usage.partition("api-usage=")[2].partition(";")[0].partition("/")
        if used.isdecimal() and most.isdecimal() and int(most):
            self.api_usage = (int(used), int(most))
            share = self._settings.most_api_usage_pct
            if int(used) > int(most) * share / 100:
                raise RateLimited(
                    f"at most {share:g} % of the org's daily API requests to be used",
                    f"{int(used):,} of {int(most):,}",
                    "run it again tomorrow (requests are counted over 24 hours), see what else uses "
                    "them (Setup, "
                    "Company Information), or raise most_api_usage_pct of the connection",
                    source=self.source,
                )
        if response.status_code == 403 and "REQUEST_LIMIT_EXCEEDED" in response.text:
            raise RateLimited(
                "an answer within the org's limits",
                f"HTTP 403 {_message(response)}",
                "run it again later (requests are counted over 24 hours); see what else uses them "
                "(Setup, Company "
                "Information), or lower the cadence",
                source=self.source,
            )
        return None

    def _get(self, path: str, params: Mapping[str, Any] | None = None, *, require: tuple[str, ...]) -> Any:
        try:
            return self.http.get_json(path, params, require=require)
        except RequestRefused as refusal:
            if refusal.status == 404 or "INVALID_TYPE" in refusal.body:
                raise NotFoundError(path) from refusal
            if "INVALID_QUERY_LOCATOR" in refusal.body:
                raise LocatorDiedError from refusal
            raise self._explained(refusal) from None

    def _explained(self, refusal: RequestRefused) -> RequestRefused:
        """A refusal with what to do about it, where that is known."""
        remedies = {
            "INVALID_FIELD": "give the integration user the right to read the field (permission "
            "set), or correct the "
            "setting that names it",
            "QUERY_TIMEOUT": "run it again later; if it stays so, lower bulk_from_rows so that jobs are used",
            "MALFORMED_QUERY": "check the settings that name objects and fields",
        }
        for code, remedy in remedies.items():
            if code in refusal.body:
                return RequestRefused(
                    refusal.expected,
                    refusal.came,
                    remedy,
                    source=self.source,
                    status=refusal.status,
                    body=refusal.body,
                )
        return refusal

    # --- what there is

    def describe(self, name: str) -> Mapping[str, Any]:
        """An object and the fields that this user may see. Raises NotFoundError."""
        return self._get(f"{self._path}/sobjects/{quote(name)}/describe", require=("fields",))

    def stages_of(self, record_type_id: str) -> list[Mapping[str, Any]]:
        """Stages of a record type's sales process, in its order. Raises NotFoundError."""
        path = f"{self._path}/ui-api/object-info/Opportunity/picklist-values/{record_type_id}/StageName"
        return list(self._get(path, require=("values",))["values"])

    def count(self, name: str, where: str = "") -> int:
        """How many records there are, deleted ones included."""
        query = f"SELECT COUNT() FROM {name}{f' WHERE {where}' if where else ''}"
        return int(self._get(f"{self._path}/queryAll", {"q": query}, require=("totalSize",))["totalSize"])

    # --- REST

    def pages(self, query: str) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of a query, deleted and archived records included.

        Raises LocatorDiedError when the vendor forgot the list in between.
        """
        path, params = f"{self._path}/queryAll", {"q": query}
        seen: set[str] = set()
        while True:
            found = self._get(path, params or None, require=("records", "done"))
            yield found["records"]
            following = found.get("nextRecordsUrl")
            if found["done"] or not following:
                return
            if following in seen:
                raise MalformedResponse(
                    "a new nextRecordsUrl with each page",
                    "the same one twice",
                    "run again later; if it stays so, compare the answer with Salesforce's documentation",
                    source=self.source,
                )
            seen.add(following)
            path, params = following, {}

    # --- Bulk 2.0

    def start_job(self, query: str) -> str:
        """The id of a new job over a query, deleted and archived records included. Raises NoBulkError."""
        body = {
            "operation": "queryAll",
            "query": query,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        try:
            return str(self.http.post_json(f"{self._path}/jobs/query", body, require=("id",))["id"])
        except (RequestRefused, Unauthorized) as refusal:
            _LOG.info("%s: no bulk job (%s), REST is used instead", self.source, refusal.came)
            raise NoBulkError from refusal

    def finish_job(self, job: str) -> None:
        """Wait until a job is complete. Raises NotFoundError for one that is gone, NoBulkError for one
        that failed.
        """
        waited = 0.0
        while True:
            found = self._get(f"{self._path}/jobs/query/{job}", require=("state",))
            if found["state"] == "JobComplete":
                return
            if found["state"] in ("Failed", "Aborted"):
                _LOG.warning("%s: bulk job %s: %s", self.source, found["state"], found.get("errorMessage"))
                raise NoBulkError(str(found.get("errorMessage")))
            if waited > _LONGEST_JOB_SECONDS:
                raise ServerFailed(
                    f"bulk job {job} to be complete within {_LONGEST_JOB_SECONDS // 3600} hours",
                    f"state {found['state']}",
                    "look at the org's Bulk Data Load Jobs (Setup); run again later: the job is taken up",
                    source=self.source,
                )
            time.sleep(self._settings.poll_seconds)
            waited += max(self._settings.poll_seconds, 0.01)

    def results(self, job: str, locator: str | None) -> Iterator[tuple[list[dict[str, str]], str | None]]:
        """Results of a complete job from a locator on, each with the locator of the next (None: the last)."""
        while True:
            rows, following = self._result(job, locator)
            yield rows, following
            if following is None:
                return
            if following == locator:
                raise self._cut(job, "the same Sforce-Locator twice")
            locator = following

    def _result(self, job: str, locator: str | None) -> tuple[list[dict[str, str]], str | None]:
        params: dict[str, Any] = {"maxRecords": self._settings.rows_per_result}
        if locator:
            params["locator"] = locator
        came = ""
        for _ in range(_RESULT_TRIES):
            try:
                answer = self.http.get(
                    f"{self._path}/jobs/query/{job}/results", params, headers={"Accept": "text/csv"}
                )
            except RequestRefused as refusal:
                if refusal.status == 404 or "LOCATOR" in refusal.body:
                    raise LocatorDiedError from refusal
                raise
            try:
                rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""), strict=True))
            except (UnicodeDecodeError, csv.Error) as error:
                came = f"no CSV ({error})"
                continue
            expected = answer.headers.get("Sforce-NumberOfRecords", "")
            if expected.isdecimal() and int(expected) != len(rows):
                came = f"{len(rows)} of {expected} records"
                continue
            following = answer.headers.get("Sforce-Locator", "null")
            return rows, None if following in ("null", "") else following
        raise self._cut(job, f"{came} in each of {_RESULT_TRIES} tries")

    def _cut(self, job: str, came: str) -> MalformedResponse:
        return MalformedResponse(
            f"the whole result of bulk job {job}",
            came,
            "run again later: the job is taken up; if it stays so, raise bulk_from_rows so that REST is used",
            source=self.source,
        )

    def drop_job(self, job: str) -> None:
        """Throw a job's results away; that they stay for some days is no harm."""
        try:
            self.http.request("DELETE", f"{self._path}/jobs/query/{job}", accept=(404,))
        except (RequestRefused, ServerFailed, Unauthorized) as error:
            _LOG.info("%s: bulk job %s stays (%s)", self.source, job, error.came)


def _message(response: Response) -> str:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return ""
    first = body[0] if isinstance(body, list) and body else body
    return str(first.get("message") or "") if isinstance(first, Mapping) else ""
