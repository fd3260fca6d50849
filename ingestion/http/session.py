"""One way to talk to a vendor: pooled, paced, retried, counted, with errors that say what to do.

Belongs here: sending requests and judging the answers by their status. Does not belong here: paging and
the meaning of a body, which are the connector's, and limits or waits as such (`pacing.py`, `retries.py`).
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from ingestion.errors import (
    Interrupted,
    MalformedResponse,
    RateLimited,
    RequestRefused,
    ServerFailed,
    SourceError,
    Unauthorized,
    Unreachable,
)
from ingestion.http.retries import RETRYABLE_STATUS, Backoff, RetryPolicy, retry_after

Item = TypeVar("Item")
Result = TypeVar("Result")

_BODY_EXCERPT = 300
_CHUNK = 1 << 20
_MAX_CONNECTIONS = 32
# requests reads bodies in pieces of 10 KB, each by some ten calls.
requests.models.CONTENT_CHUNK_SIZE = _CHUNK


class Limiter(Protocol):
    """What `Pacer` and `Pacers` have in common."""

    def reserve(self) -> float: ...

    def pause(self, seconds: float) -> None: ...

    def paused_for(self) -> float: ...


class BearerAuth(AuthBase):
    """`Authorization: Bearer <token>`; `token` may be replaced between requests (see
    `HttpClient(reauthorize=...)`).
    """

    def __init__(self, token: str, scheme: str = "Bearer") -> None:
        self.token = token
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"{self._scheme} {self.token}"
        return request

    def __repr__(self) -> str:
        return "BearerAuth(***)"


def _parsed(content: bytes) -> Any:
    """JSON; half a surrogate pair, as vendors leave when they cut a text, becomes a question mark."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        lenient = json.dumps(json.loads(content), ensure_ascii=False, allow_nan=False)
        return orjson.loads(lenient.encode("utf-8", "replace"))


class HttpClient:
    """A connection to one vendor's API. Safe to share between threads.

    Arguments:
        base_url: scheme, host and the path in front of every request's path; `http://127.0.0.1:8080/hubspot`.
        source: the connection's name, for messages.
        auth: `requests` auth: `(user, password)`, `BearerAuth`, or any AuthBase.
        pacer: the limit that requests keep to unless they name another; None sends at once.
        policy: how patient to be.
        headers: sent with every request.
        hold: reads a vendor's own limit headers from **any** answer: seconds for which nothing more should
            be sent, or None. On a 429 or 503 its answer counts when there is no `Retry-After`. May raise
            RateLimited to give up at once (a daily quota).
        reauthorize: called on the first 401 of a request; returns True if the credentials were renewed and
            the request should be sent again.
        secrets: texts that must never appear in a message.
        timeout: seconds to connect, and to wait for the next bytes.
        on_request: called with the status of every answer (0: none came), for the run's counters.
        seed: of the jitter.
        verify: a CA bundle for hosts with their own certificate authority; None means the usual ones.
    """

    def __init__(
        self,
        base_url: str,
        *,
        source: str,
        auth: AuthBase | tuple[str, str] | None = None,
        pacer: Limiter | None = None,
        policy: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        hold: Callable[[requests.Response], float | None] | None = None,
        reauthorize: Callable[[], bool] | None = None,
        secrets: Iterable[str] = (),
        timeout: tuple[float, float] = (10.0, 60.0),
        on_request: Callable[[int], None] | None = None,
        seed: int = 7,
        verify: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise SourceError(
                "a base URL like https://host/path",
                f"{base_url!r}",
                "correct base_url of the connection",
                source=source,
            )
        self._origin = (parts.scheme, parts.netloc)
        self.source = source
        self._pacer = pacer
        self._policy = policy or RetryPolicy()
        self._backoff = Backoff(self._policy, seed)
        self._hold = hold
        self._reauthorize = reauthorize
        self._reauthorize_lock = threading.Lock()
        self._reauthorized = 0
        self._secrets = tuple(secret for secret in secrets if secret)
        self._timeout = timeout
        self._on_request = on_request
        self._stop = threading.Event()
        self._count_lock = threading.Lock()
        self.status_counts: Counter[int] = Counter()
        self.waited_seconds = 0.0
        self.last_headers: Mapping[str, str] = {}
        self._session = requests.Session()
        self._session.auth = auth
        self._session.headers.update({"User-Agent": "norte-ingestion", "Accept": "application/json"})
        self._session.headers.update(headers or {})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Proxies and certificates of the environment, which requests would look up for every request. And no
        # `.netrc`, whose entries would go before a header of ours.
        usual = self._session.merge_environment_settings(self.base_url, {}, None, verify or None, None)
        self._session.proxies, self._session.verify = usual["proxies"], usual["verify"]
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_MAX_CONNECTIONS, pool_block=True)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __repr__(self) -> str:
        return f"HttpClient({self.source!r}, {self.base_url!r})"

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def request_count(self) -> int:
        """Requests sent so far, those that were retried included."""
        return sum(self.status_counts.values())

    def close(self) -> None:
        """Wake every thread that waits (it ends with Interrupted) and close the connections."""
        self._stop.set()
        self._session.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> requests.Response:
        """GET; see `request` for the options."""
        return self.request("GET", path, params=params, **options)

    def get_json(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        require: Sequence[str] = (),
        **options: Any,
    ) -> Any:
        """GET and parse; an answer that is no JSON, or an object without the keys `require`, is retried, then
        MalformedResponse."""
        return self._json("GET", path, require, params=params, **options)

    def post_json(
        self,
        path: str,
        body: Any = None,
        *,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        require: Sequence[str] = (),
        **options: Any,
    ) -> Any:
        """POST `body` as JSON (or `data` as a form) and parse the answer. Only for reads: it is retried
        like a GET.
        """
        return self._json("POST", path, require, body=body, data=data, params=params, **options)

    def download(
        self,
        path: str,
        to: Path,
        params: Mapping[str, Any] | None = None,
        *,
        check: Callable[[Path], str | None] | None = None,
        pacer: Limiter | None = None,
    ) -> int:
        """Stream a (decompressed) body to a file; a cut connection starts it again.

        Arguments:
            check: called with the finished file; returns why it is not complete, or None.

        Returns the size in bytes.
        """
        reason = ""
        for attempt in range(1, self._policy.attempts + 1):
            response = self.request("GET", path, params=params, pacer=pacer, stream=True)
            try:
                with response, to.open("wb") as file:
                    for chunk in response.iter_content(_CHUNK):
                        if self._stop.is_set():
                            raise self._interrupted()
                        file.write(chunk)
                reason = (check(to) if check else None) or ""
                if not reason:
                    return to.stat().st_size
            except (requests.RequestException, ConnectionError) as error:
                reason = self._redact(f"{type(error).__name__}: {error}")
            if attempt < self._policy.attempts:
                self._sleep(self._backoff.seconds(attempt))
        raise MalformedResponse(
            f"a complete body from {self._where('GET', path)}",
            f"a truncated one in each of {self._policy.attempts} tries ({reason})",
            "run again later; if it stays so, ask for smaller ranges in the connection's settings",
            source=self.source,
        )

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 8
    ) -> Iterator[Result]:
        """`function` over `items` with up to `workers` at once, results in the order of the items.

        At most `2 * workers` results are held. The first error ends it: the others are told to stop.
        """
        pending: deque[Future[Result]] = deque()
        pool = ThreadPoolExecutor(max_workers=min(workers, _MAX_CONNECTIONS), thread_name_prefix=self.source)
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except GeneratorExit:
            raise
        except BaseException:
            self._stop.set()
            raise
        finally:
            for future in pending:
                future.cancel()
            pool.shutdown(wait=True, cancel_futures=True)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        pacer: Limiter | None = None,
        stream: bool = False,
        accept: Sequence[int] = (),
    ) -> requests.Response:
        """Send, wait and retry until the vendor answers 2xx.

        Arguments:
            path: below `base_url`, or an absolute URL of the same host (a vendor's `next` link).
            params: query; a list repeats its key.
            body: sent as JSON. data: sent as a form.
            pacer: the limit of this endpoint, instead of the connection's.
            stream: leave the body unread.
            accept: statuses below 500 that the caller handles itself (404, 410).

        Raises Unauthorized, RateLimited, ServerFailed, Unreachable, RequestRefused, Interrupted.
        """
        url = self._url(path)
        where = self._where(method, path)
        limiter = pacer or self._pacer
        payload = None if body is None else orjson.dumps(body)
        sent_headers = dict(headers or {})
        if payload is not None:
            sent_headers.setdefault("Content-Type", "application/json")
        failures = 0
        waits = 0
        waited = 0.0
        has_reauthorized = False
        while True:
            self._pace(limiter)
            authorization_round = self._reauthorized
            try:
                response = self._session.request(
                    method,
                    url,
                    params=params,
                    data=payload if payload is not None else data,
                    headers=sent_headers,
                    timeout=self._timeout,
                    stream=stream,
                )
            except requests.RequestException as error:
                self._count(0)
                failures += 1
                if failures >= self._policy.attempts:
                    raise self._unreachable(where, error, failures) from None
                self._sleep(self._backoff.seconds(failures))
                continue
            status = response.status_code
            self.last_headers = response.headers
            self._count(status)
            hold = self._hold(response) if self._hold else None
            if status < 300 or status in accept:
                if hold and limiter:
                    limiter.pause(hold)
                return response
            asked = retry_after(response)
            if status == 429 or (status == 503 and asked is not None):
                waits += 1
                wait = asked if asked is not None else hold
                if wait is None:
                    wait = self._backoff.seconds(waits, is_limit=True)
                response.close()
                if waited + wait > self._policy.wait_budget_seconds:
                    raise RateLimited(
                        f"an answer from {where} within {self._policy.wait_budget_seconds:g} s of waiting",
                        f"'too many requests' {waits} times; the vendor asks for another {wait:.0f} s",
                        "run it again later; if it is usual, lower the cadence, see what else uses the same "
                        "credentials, or raise wait_budget_seconds of the connection",
                        source=self.source,
                    )
                waited += wait
                if limiter:
                    limiter.pause(wait)
                self._sleep(wait)
                continue
            if status == 401 and self._reauthorize and not has_reauthorized:
                has_reauthorized = True
                response.close()
                with self._reauthorize_lock:
                    if self._reauthorized != authorization_round:
                        continue
                    if self._reauthorize():
                        self._reauthorized += 1
                        continue
                raise self._unauthorized(where, status, "")
            excerpt = self._excerpt(response)
            response.close()
            if status in RETRYABLE_STATUS or status >= 500:
                failures += 1
                if failures >= self._policy.attempts:
                    raise ServerFailed(
                        f"an answer from {where}",
                        f"HTTP {status} in each of {failures} tries{excerpt}",
                        "look at the vendor's status page and run again later; what is loaded is kept",
                        source=self.source,
                    )
                self._sleep(max(asked or 0.0, self._backoff.seconds(failures)))
                continue
            if status in (401, 402, 403):
                raise self._unauthorized(where, status, excerpt)
            raise RequestRefused(
                f"an answer from {where}",
                f"HTTP {status}{excerpt}",
                "check the connection's base_url and settings; if right, the vendor's API has changed",
                source=self.source,
                status=status,
                body=excerpt,
            )

    def _json(self, method: str, path: str, require: Sequence[str], **options: Any) -> Any:
        came = ""
        for attempt in range(1, self._policy.attempts + 1):
            try:
                parsed = _parsed(self.request(method, path, **options).content)
            except ValueError as error:
                came = f"no valid JSON ({error})"
            except requests.RequestException as error:
                came = self._redact(f"a cut body ({type(error).__name__})")
            else:
                missing = [key for key in require if not isinstance(parsed, dict) or key not in parsed]
                if not missing:
                    return parsed
                came = f"{type(parsed).__name__} without {', '.join(missing)}"
            if attempt < self._policy.attempts:
                self._sleep(self._backoff.seconds(attempt))
        wanted = f"JSON with {', '.join(require)}" if require else "JSON"
        raise MalformedResponse(
            f"{wanted} from {self._where(method, path)}",
            f"{came} in each of {self._policy.attempts} tries",
            "run again later; if it stays so, compare the answer with the vendor's documentation. "
            "What was loaded so far is kept",
            source=self.source,
        )

    def _pace(self, limiter: Limiter | None) -> None:
        wait = limiter.reserve() if limiter else 0.0
        while wait > 0:
            self._sleep(wait)
            wait = limiter.paused_for() if limiter else 0.0
        if self._stop.is_set():
            raise self._interrupted()

    def _sleep(self, seconds: float) -> None:
        with self._count_lock:
            self.waited_seconds += seconds
        if self._stop.wait(seconds):
            raise self._interrupted()

    def _count(self, status: int) -> None:
        with self._count_lock:
            self.status_counts[status] += 1
        if self._on_request:
            self._on_request(status)

    def _url(self, path: str) -> str:
        if "://" not in path:
            return f"{self.base_url}/{path.lstrip('/')}"
        parts = urlsplit(path)
        if (parts.scheme, parts.netloc) != self._origin:
            # Credentials would go to whoever wrote the link.
            raise MalformedResponse(
                f"a link on {self._origin[1]}",
                f"one to {parts.scheme}://{parts.netloc}",
                "set base_url of the connection to the host that the vendor's links name",
                source=self.source,
            )
        return path

    def _where(self, method: str, path: str) -> str:
        parts = urlsplit(self._url(path))
        return f"{method} {parts.scheme}://{parts.netloc}{parts.path}"

    def _redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _excerpt(self, response: requests.Response) -> str:
        try:
            text = " ".join(response.text.split())
        except requests.RequestException:
            return ""
        return f": {self._redact(text[:_BODY_EXCERPT])}" if text else ""

    def _unauthorized(self, where: str, status: int, excerpt: str) -> Unauthorized:
        remedy = {
            401: "check the connection's credentials (dlt's secrets or environment): wrong, expired, revoked",
            402: "the vendor's plan does not include this API: ask its administrator",
            403: "the credentials may not read this: add the scopes that the source's README lists",
        }[status]
        return Unauthorized(
            f"{where} to accept the credentials", f"HTTP {status}{excerpt}", remedy, source=self.source
        )

    def _unreachable(self, where: str, error: requests.RequestException, tries: int) -> Unreachable:
        if isinstance(error, requests.exceptions.SSLError):
            came, remedy = "a certificate that is not trusted", "check base_url, the clock and the CA bundle"
        elif isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
            came, remedy = (
                "no answer in time",
                "check the network and the vendor's status page, then run again",
            )
        else:
            came, remedy = (
                "no connection",
                "check base_url, name resolution, proxy and network, then run again",
            )
        return Unreachable(
            f"an answer from {where}",
            f"{came} in {tries} tries ({type(error).__name__})",
            remedy,
            source=self.source,
        )

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            "to finish",
            "a stop",
            "start the run again: it goes on from the last loaded slice",
            source=self.source,
        )
