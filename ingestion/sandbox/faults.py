"""What goes wrong: each fault acts on a call before the vendor sees it, on the reply, or on the world served.

Belongs here: faults that any vendor can have; the vendor gives the body of its own error. Does not belong
here: what a scenario looks like as a file (`scenario.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import orjson

from ingestion.sandbox.scenario import ScenarioError
from ingestion.sandbox.snapshot import Alteration
from ingestion.sandbox.wire import Call, Reply, Vendor


class Fault(Protocol):
    """What the app asks of a fault; `World` faults below have only `alter`."""

    def before(self, vendor: Vendor, call: Call) -> Reply | None: ...

    def after(self, vendor: Vendor, call: Call, reply: Reply) -> Reply: ...


class _Quiet:
    """A fault that does nothing to calls; what the others begin from."""

    def before(self, vendor: Vendor, call: Call) -> Reply | None:
        return None

    def after(self, vendor: Vendor, call: Call, reply: Reply) -> Reply:
        return reply


class _OnPage(_Quiet):
    """Acts on the `page`-th request to each path that matches `path`, and on the `times - 1` after it."""

    def __init__(self, page: int = 1, times: int = 1, path: str = "") -> None:
        self.page, self.times, self.path = page, times, re.compile(path)
        self._seen: dict[str, int] = {}
        self._acted: dict[str, int] = {}

    def is_due(self, call: Call) -> bool:
        if not self.path.search(call.path):
            return False
        self._seen[call.path] = self._seen.get(call.path, 0) + 1
        if self._seen[call.path] < self.page or self._acted.get(call.path, 0) >= self.times:
            return False
        self._acted[call.path] = self._acted.get(call.path, 0) + 1
        return True


class RateLimit(_Quiet):
    """A storm of 429: every `every`-th request is refused, `times` in all (0: for ever)."""

    def __init__(self, every: int = 2, times: int = 0, retry_after: int | None = 1, path: str = "") -> None:
        self.every, self.times, self.retry_after, self.path = every, times, retry_after, re.compile(path)
        self._count = 0
        self._refused = 0

    def before(self, vendor: Vendor, call: Call) -> Reply | None:
        if not self.path.search(call.path) or (self.times and self._refused >= self.times):
            return None
        self._count += 1
        if self._count % self.every:
            return None
        self._refused += 1
        return vendor.too_many(call, self.retry_after)


class Outage(_Quiet):
    """Nothing answers: `status` for every request, or with `refused` the connection is broken."""

    def __init__(
        self, status: int = 503, refused: bool = False, retry_after: int | None = None, path: str = ""
    ) -> None:
        self.status, self.refused, self.retry_after, self.path = (
            status,
            refused,
            retry_after,
            re.compile(path),
        )

    def before(self, vendor: Vendor, call: Call) -> Reply | None:
        if not self.path.search(call.path):
            return None
        if self.refused:
            return Reply(abort=True)
        reply = vendor.broken(call, self.status)
        if self.retry_after is not None:
            reply.headers["Retry-After"] = str(self.retry_after)
        return reply


class ServerError(_OnPage):
    """A 5xx in mid-pagination, see _OnPage."""

    def __init__(self, page: int = 2, times: int = 1, path: str = "", status: int = 500) -> None:
        super().__init__(page, times, path)
        self.status = status

    def before(self, vendor: Vendor, call: Call) -> Reply | None:
        return vendor.broken(call, self.status) if self.is_due(call) else None


class MalformedPage(_OnPage):
    """A page that is no JSON: `cut` in its middle, an `html` page with status 200, or `empty`."""

    def __init__(self, page: int = 2, times: int = 1, path: str = "", how: str = "cut") -> None:
        super().__init__(page, times, path)
        self.how = how

    def after(self, vendor: Vendor, call: Call, reply: Reply) -> Reply:
        if reply.status != 200 or reply.stream is not None or not self.is_due(call):
            return reply
        if self.how == "html":
            body = b"<!DOCTYPE html><html><body><h1>We'll be right back</h1></body></html>"
            return replace(reply, payload=None, body=body, media_type="text/html", items=None)
        whole = reply.render()
        body = b"" if self.how == "empty" else whole[: len(whole) // 2]
        return replace(reply, payload=None, body=body, items=None)


class TruncatedStream(_OnPage):
    """A stream that ends in the middle of a line after `at` of the first chunk; with `abort` the connection
    breaks.
    """

    def __init__(
        self, page: int = 1, times: int = 1, path: str = "", at: float = 0.6, abort: bool = False
    ) -> None:
        super().__init__(page, times, path)
        self.at, self.abort = at, abort

    def after(self, vendor: Vendor, call: Call, reply: Reply) -> Reply:
        if reply.stream is None or not self.is_due(call):
            return reply
        chunks = reply.stream

        async def cut() -> Any:
            async for chunk in chunks:
                end = int(len(chunk) * self.at)
                while end > 1 and chunk[end - 1 : end] == b"\n":
                    end -= 1
                if end:
                    yield chunk[:end]
                    break

        # A gzip trailer would show the cut: the vendor compresses what is left, so the cut is in the lines.
        return replace(reply, stream=cut(), abort=self.abort)


_PAGING = frozenset(
    (
        "after",
        "cursor",
        "nextPageToken",
        "page",
        "page[after]",
        "session_id",
        "startAt",
        "start_time",
        "since_id",
    )
)


class Duplicates(_Quiet):
    """Each page begins with the last object of the one before; Mixpanel: every so many-th event twice."""

    def __init__(self, every: int = 20, path: str = "") -> None:
        self.every, self.path = every, re.compile(path)
        self._last: dict[str, Any] = {}

    @staticmethod
    def list_of(call: Call) -> str:
        """What tells one list from another: all that was asked but the page."""
        body = call.json if call.body[:1] == b"{" else call.form
        asked = sorted((name, str(value)) for name, value in [*call.query.items(), *body.items()])
        return f"{call.path}:{[pair for pair in asked if pair[0] not in _PAGING]}"

    def after(self, vendor: Vendor, call: Call, reply: Reply) -> Reply:
        items = reply.items
        if reply.status != 200 or not items or not self.path.search(call.path):
            return reply
        page = reply.payload if items == "." else reply.payload.get(items)
        if not page:
            return reply
        key = self.list_of(call)
        again = [self._last[key]] if key in self._last and self._last[key] not in page else page[:1]
        self._last[key] = page[-1]
        longer = again + page
        return replace(reply, payload=longer if items == "." else {**reply.payload, items: longer})


class SchemaDrift(_Quiet):
    """The vendor's objects change: `add` puts new fields in, `retype` gives fields another type.

    Arguments:
        add: field to value; fields are looked for in the object and in its `properties` or `fields`.
        retype: field to `text`, `number`, `list` or `object`.
    """

    def __init__(
        self,
        add: Mapping[str, Any] | None = None,
        retype: Mapping[str, str] | None = None,
        drop: list[str] | None = None,
        path: str = "",
    ) -> None:
        self.add, self.retype, self.drop, self.path = add or {}, retype or {}, drop or [], re.compile(path)

    def after(self, vendor: Vendor, call: Call, reply: Reply) -> Reply:
        if reply.status != 200 or not reply.items or not self.path.search(call.path):
            return reply
        payload = orjson.loads(orjson.dumps(reply.payload, option=orjson.OPT_NON_STR_KEYS))
        for item in payload if reply.items == "." else payload.get(reply.items) or []:
            if isinstance(item, dict):
                self.change(item)
        return replace(reply, payload=payload)

    def change(self, item: dict[str, Any]) -> None:
        inner = next(
            (item[name] for name in ("properties", "fields") if isinstance(item.get(name), dict)), item
        )
        inner.update(self.add)
        for holder in (item, inner):
            for name, kind in self.retype.items():
                if name in holder:
                    holder[name] = _RETYPE[kind](holder[name])
            for name in self.drop:
                holder.pop(name, None)


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0


_RETYPE: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: value if value is None else str(value),
    "number": _number,
    "list": lambda value: [value],
    "object": lambda value: {"value": value},
}


@dataclass(frozen=True)
class LateData(_Quiet):
    """The vendor shows everything `seconds` late; Mixpanel only the `every`-th event, by its ingest time."""

    seconds: float = 6 * 3600
    every: int = 7


@dataclass(frozen=True)
class ClockSkew(_Quiet):
    """The vendor's clock runs `seconds` ahead of ours (behind, when negative)."""

    seconds: float = 300


@dataclass(frozen=True)
class Deletions(_Quiet):
    """Every `every`-th object of the main tables is deleted, as of the moment the scenario was set; as the
    vendor tells deletions, or without a trace: erased for privacy, purged, out of sight.
    """

    every: int = 25
    tables: tuple[str, ...] = ("deals", "tickets", "issues", "contracts", "people")
    leaves_trace: bool = True


KINDS: dict[str, Callable[..., Any]] = {
    "rate_limit": RateLimit,
    "outage": Outage,
    "server_error": ServerError,
    "malformed_page": MalformedPage,
    "truncated_stream": TruncatedStream,
    "duplicates": Duplicates,
    "schema_drift": SchemaDrift,
    "late_data": LateData,
    "clock_skew": ClockSkew,
    "deletions": Deletions,
}


def make_fault(options: Mapping[str, Any]) -> Fault:
    """The fault that a scenario's entry describes. Raises ScenarioError."""
    kind = options.get("kind")
    if kind not in KINDS:
        raise ScenarioError(f"expected a fault's kind, one of {', '.join(KINDS)}, got {kind!r}")
    arguments = {name: value for name, value in options.items() if name != "kind"}
    if isinstance(arguments.get("tables"), list):
        arguments["tables"] = tuple(arguments["tables"])
    try:
        return KINDS[kind](**arguments)
    except TypeError as error:
        raise ScenarioError(
            f"the fault {kind} does not take these options: {dict(arguments)} ({error})"
        ) from error


def alteration(faults: list[Fault], since: datetime) -> Alteration:
    """What the faults do to the world that is served."""
    for fault in faults:
        if isinstance(fault, Deletions):
            return Alteration(fault.every, tuple(fault.tables), since, fault.leaves_trace)
    return Alteration()
