"""What a vendor of the sandbox is made of: a call, a reply, and the routes between them.

Belongs here: the shapes that all vendors share. Does not belong here: any vendor's paths, bodies or limits.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

import orjson
from starlette.datastructures import Headers, QueryParams

from ingestion.sandbox.snapshot import Snapshot

Handler = Callable[[Any, "Call"], "Reply"]


class BadBodyError(ValueError):
    """A body that should be JSON and is not."""


@dataclass
class Call:
    """One request to one vendor.

    Arguments:
        path: the path inside the vendor, with no trailing slash.
        root: scheme, host and (when routed by path) the vendor's prefix: what absolute URLs begin with.
        params: the path's parameters, set by the route.
        who: whom the credentials belong to, set by the vendor's authentication.
    """

    method: str
    path: str
    query: QueryParams
    headers: Headers
    body: bytes
    root: str
    book: Snapshot
    at: float
    number: int = 0
    params: dict[str, str] = field(default_factory=dict)
    route: Route | None = None
    who: Any = None
    reply_headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def json(self) -> Any:
        """The JSON body; an empty body is an empty object.

        Raises:
            BadBodyError: the body is no JSON.
        """
        try:
            return orjson.loads(self.body) if self.body.strip() else {}
        except orjson.JSONDecodeError as error:
            raise BadBodyError(str(error)) from error

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def values(self, name: str) -> list[str]:
        """A parameter given as a comma list, as a repeated key, or both."""
        return [part.strip() for item in self.query.getlist(name) for part in item.split(",") if part.strip()]

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.query.get(name)
        return default if value is None else value.strip().lower() in ("true", "1", "yes")

    def request_id(self) -> str:
        """A request's id: no clock and no randomness, so that two runs say the same."""
        return str(uuid5(UUID(int=0), f"{self.number}:{self.method}:{self.path}"))


@dataclass
class Reply:
    """An answer: a JSON `payload`, ready `body` bytes, or a `stream` of them.

    Arguments:
        items: the key of the payload that holds the page's objects; faults that touch pages act on it.
        abort: break the connection without an answer.
        done: called once when the answer has left or failed.
    """

    payload: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    stream: AsyncIterator[bytes] | None = None
    media_type: str = "application/json"
    items: str | None = None
    abort: bool = False
    done: Callable[[], None] | None = None

    def render(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.payload is None:
            return b""
        return orjson.dumps(self.payload, option=orjson.OPT_NON_STR_KEYS)


class Refusal(Exception):  # noqa: N818 - no error of ours: an answer
    """A reply that ends the handling of a call."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True)
class Route:
    """One method and path of a vendor; `tags` say what authentication and limits must know about it."""

    methods: frozenset[str]
    pattern: re.Pattern[str]
    template: str
    handler: Handler
    tags: frozenset[str]


class Routes:
    """A vendor's routes. In a template `{name}` matches one segment, `{name:regex}` what the regex says."""

    def __init__(self) -> None:
        self._routes: list[Route] = []
        self._plain: dict[tuple[str, str], Route] = {}

    def __call__(self, methods: str, *templates: str, tags: str = "") -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            for template in templates:
                route = Route(
                    frozenset(methods.split()),
                    _compile(template),
                    template,
                    handler,
                    frozenset(tags.split()),
                )
                self._routes.append(route)
                if "{" not in template:
                    for method in route.methods:
                        self._plain[method, template] = route
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        plain = self._plain.get((method, path))
        if plain:
            return plain, {}
        for route in self._routes:
            if method in route.methods:
                match = route.pattern.fullmatch(path)
                if match:
                    return route, match.groupdict()
        return None


def _compile(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    regex = ""
    for part in parts:
        if part.startswith("{"):
            name, _, rule = part[1:-1].partition(":")
            regex += f"(?P<{name}>{rule or '[^/]+'})"
        else:
            regex += re.escape(part)
    return re.compile(regex)


class Vendor(ABC):
    """One vendor's side of the wire. A module of `vendors/` exposes its class as `VENDOR`.

    Arguments:
        plan: the account's limits and settings that the scenario overrides, see each vendor's `PLAN`.
    """

    name: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    certificate_hosts: ClassVar[tuple[str, ...]]
    routes: ClassVar[Routes]
    PLAN: ClassVar[Mapping[str, Any]] = {}
    delays_single_events: ClassVar[bool] = False
    """Whether the fault `late_data` delays single rows (the vendor does it) or the whole vendor (the app
    does).
    """

    faults: list[Any]

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        unknown = set(plan or {}) - set(self.PLAN)
        if unknown:
            raise ValueError(
                f"the plan of {self.name} has {', '.join(sorted(unknown))}, which it does not know; "
                f"it knows {', '.join(sorted(self.PLAN))}"
            )
        self.plan: dict[str, Any] = {**self.PLAN, **(plan or {})}
        self.faults = []

    def clean(self, call: Call) -> None:  # noqa: B027 - most vendors have one spelling
        """Bring equivalent spellings of a path into one."""

    @abstractmethod
    def authenticate(self, call: Call) -> None:
        """Set `call.who`, or raise Refusal. `call.route` is known."""

    @abstractmethod
    def meter(self, call: Call) -> None:
        """Count the call: add the vendor's headers to `call.reply_headers`, or raise Refusal with its 429."""

    @abstractmethod
    def missing(self, call: Call) -> Reply:
        """What the vendor says to a path that it does not have."""

    @abstractmethod
    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        """The vendor's 429."""

    @abstractmethod
    def broken(self, call: Call, status: int) -> Reply:
        """The vendor's 5xx."""

    def bad_body(self, call: Call, problem: str) -> Reply:
        """What the vendor says to a body that is no JSON."""
        return Reply({"error": problem}, status=400)

    def finish(self, call: Call, reply: Reply) -> Reply:
        """The reply as it leaves, after faults: compression, for vendors that do it."""
        return reply

    def handle(self, call: Call) -> Reply:
        """Authentication, limits, then the route's handler."""
        found = self.routes.find(call.method, call.path)
        try:
            if found is None:
                self.authenticate(call)
                return self.missing(call)
            call.route, call.params = found
            self.authenticate(call)
            self.meter(call)
            return call.route.handler(self, call)
        except Refusal as refusal:
            return refusal.reply
        except BadBodyError as problem:
            return self.bad_body(call, str(problem))
