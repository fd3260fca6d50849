"""The sandbox's HTTP app: finds the vendor that a request is for, lets faults act, and answers.

Belongs here: dispatch by path or Host, the control endpoints under `/_sandbox/`, counting. Does not belong
here: anything that a vendor says (`vendors/`), how the process is started (`server.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatch
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from ingestion.sandbox import vendors as vendor_folder
from ingestion.sandbox.faults import ClockSkew, Fault, LateData, alteration, make_fault
from ingestion.sandbox.scenario import Scenario, ScenarioError
from ingestion.sandbox.snapshot import Alteration, Ledger, Snapshot, read_time
from ingestion.sandbox.wire import Call, Reply, Vendor
from ingestion.sandbox.world.world import World, naive_utc


def vendor_classes() -> dict[str, type[Vendor]]:
    """Every vendor in the folder `vendors/`, by name."""
    classes = {}
    for module in pkgutil.iter_modules(vendor_folder.__path__):
        found = importlib.import_module(f"{vendor_folder.__name__}.{module.name}")
        if hasattr(found, "VENDOR"):
            classes[found.VENDOR.name] = found.VENDOR
    return classes


class Sandbox:
    """The state of a running sandbox: its world, its `now`, the vendors with their limits, and the faults."""

    def __init__(
        self,
        world: World,
        now: datetime,
        scenario: Scenario | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = Ledger(world)
        self.now = naive_utc(now)
        self.clock = clock
        self.scenario = Scenario()
        self.vendors: dict[str, Vendor] = {}
        self.faults: dict[str, list[Fault]] = {}
        self._books: dict[tuple[datetime, Alteration], Snapshot] = {}
        self._plans: dict[str, dict[str, Any]] = {}
        self._since = self.now
        self.counts: dict[str, Counter[str]] = {}
        self.number = 0
        self.set_scenario(scenario or Scenario())

    def set_now(self, now: datetime) -> None:
        """Move time; what the vendors remember of limits and tokens stays."""
        self.now = naive_utc(now)
        self._books.clear()

    def set_scenario(self, scenario: Scenario) -> None:
        """Replace plan and faults.

        A vendor whose plan stays the same keeps its counters. Raises ScenarioError.
        """
        classes = vendor_classes()
        unknown = (set(scenario.plan) | set(scenario.faults)) - set(classes) - {"any"}
        if unknown:
            raise ScenarioError(
                f"scenario {scenario.name}: expected vendors of {', '.join(sorted(classes))}, "
                f"got {', '.join(sorted(unknown))}"
            )
        faults = {name: [make_fault(item) for item in scenario.of(name)] for name in classes}
        plans = {name: {**scenario.plan.get("any", {}), **scenario.plan.get(name, {})} for name in classes}
        try:
            for name, vendor in classes.items():
                if name not in self.vendors or self._plans[name] != plans[name]:
                    self.vendors[name] = vendor(plans[name])
                    self._plans[name] = plans[name]
        except ValueError as error:
            raise ScenarioError(str(error)) from error
        self.faults, self.scenario, self._since = faults, scenario, self.now
        for name, vendor_now in self.vendors.items():
            vendor_now.faults = faults[name]
        self._books.clear()

    def book(self, vendor: Vendor) -> Snapshot:
        """The world as this vendor shows it now."""
        faults = self.faults[vendor.name]
        shift = sum(fault.seconds for fault in faults if isinstance(fault, ClockSkew))
        if not vendor.delays_single_events:
            shift -= sum(fault.seconds for fault in faults if isinstance(fault, LateData))
        key = (self.now + timedelta(seconds=shift), alteration(faults, self._since))
        if key not in self._books:
            self._books[key] = Snapshot(self.ledger, *key)
        return self._books[key]

    def answer(self, vendor: Vendor, call: Call) -> Reply:
        """A vendor's reply with the faults applied."""
        vendor.clean(call)
        faults = self.faults[vendor.name]
        for fault in faults:
            early = fault.before(vendor, call)
            if early is not None:
                return early
        reply = vendor.handle(call)
        for fault in faults:
            reply = fault.after(vendor, call, reply)
        return vendor.finish(call, reply)

    def count(self, vendor: str, call: Call, status: int) -> None:
        template = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", call.route.template) if call.route else call.path
        self.counts.setdefault(vendor, Counter()).update([f"{status} {call.method} {template}"])

    def vendor_of(self, host: str, path: str) -> tuple[Vendor, bool] | None:
        """The vendor that a Host header or the path's first segment names, and whether it was the Host."""
        bare = host.rsplit(":", 1)[0].lower()
        for vendor in self.vendors.values():
            if any(fnmatch(bare, pattern) for pattern in vendor.hosts):
                return vendor, True
        segment = path.lstrip("/").split("/", 1)[0]
        found = self.vendors.get(segment)
        return (found, False) if found else None


class _Vendors:
    """The ASGI app behind everything that is not `/_sandbox/`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        path = scope["path"]
        found = self.sandbox.vendor_of(host, path)
        if found is None:
            names = ", ".join(f"/{name}/" for name in self.sandbox.vendors)
            message = {
                "error": f"no vendor at {host}{path}: paths begin with {names}, or the Host is a vendor's"
            }
            await JSONResponse(message, status_code=404)(scope, receive, send)
            return
        vendor, by_host = found
        root = f"{scope['scheme']}://{host}"
        if not by_host:
            root += f"/{vendor.name}"
            path = path[len(vendor.name) + 1 :]
        # Taken before the body is awaited: another request may come in the meantime.
        self.sandbox.number += 1
        number = self.sandbox.number
        call = Call(
            method=scope["method"],
            path=path.rstrip("/") or "/",
            query=QueryParams(scope["query_string"]),
            headers=headers,
            body=await _body(receive) if scope["method"] in ("POST", "PUT", "PATCH", "DELETE") else b"",
            root=root,
            book=self.sandbox.book(vendor),
            at=self.sandbox.clock(),
            number=number,
        )
        reply = self.sandbox.answer(vendor, call)
        self.sandbox.count(
            vendor.name, call, reply.status if not (reply.abort and reply.stream is None) else 0
        )
        await _send(call, reply, scope, send)


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(call: Call, reply: Reply, scope: Scope, send: Send) -> None:
    try:
        if reply.abort and reply.stream is None:
            _abort(scope)
            return
        body = b"" if reply.stream else reply.render()
        headers = {
            "Date": format_datetime(call.book.now.replace(tzinfo=UTC), usegmt=True),
            "Content-Type": reply.media_type,
            **call.reply_headers,
            **reply.headers,
        }
        if not reply.stream:
            headers["Content-Length"] = str(len(body))
        raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        if reply.stream:
            async for chunk in reply.stream:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if reply.abort:
                _abort(scope)
                return
            body = b""
        if call.method == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})
    finally:
        if reply.done:
            reply.done()


def _abort(scope: Scope) -> None:
    """Break the connection.

    Without a real one (tests that call the app) that is an error of the connection.
    """
    transport = scope.get("sandbox.transport")
    if transport is None:
        raise ConnectionResetError("the sandbox's scenario breaks this connection")
    transport.abort()


def _control(sandbox: Sandbox) -> list[Route]:
    started = time.process_time()

    async def health(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "status": "ok",
                "now": f"{sandbox.now.isoformat()}Z",
                "as_of": sandbox.ledger.world.meta.as_of.isoformat(),
                "vendors": sorted(sandbox.vendors),
                "scenario": sandbox.scenario.name,
            }
        )

    async def now(request: Request) -> JSONResponse:
        if request.method == "POST":
            try:
                sandbox.set_now(read_time(str((await request.json())["now"])))
            except (KeyError, TypeError, ValueError) as error:
                text = f'expected {{"now": an ISO time}}, got something else: {error!r}'
                return JSONResponse({"error": text}, status_code=400)
        return JSONResponse({"now": f"{sandbox.now.isoformat()}Z"})

    async def scenario(request: Request) -> JSONResponse:
        if request.method == "POST":
            try:
                sandbox.set_scenario(requested_scenario(await request.json(), sandbox.scenario))
            except (ScenarioError, ValueError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        elif request.method == "DELETE":
            sandbox.set_scenario(Scenario(plan=sandbox.scenario.plan))
        return JSONResponse({**sandbox.scenario.as_dict(), "available": Scenario.names()})

    async def requests(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            sandbox.counts.clear()
        answer: dict[str, Any] = {}
        for vendor, counts in sandbox.counts.items():
            statuses: Counter[str] = Counter()
            for line, count in counts.items():
                statuses[line.split(" ", 1)[0]] += count
            answer[vendor] = {
                "requests": counts.total(),
                "statuses": dict(statuses),
                "routes": dict(counts.most_common()),
            }
        return JSONResponse({"vendors": answer, "cpu_seconds": time.process_time() - started})

    return [
        Route("/_sandbox/health", health, methods=["GET"]),
        Route("/_sandbox/now", now, methods=["GET", "POST"]),
        Route("/_sandbox/scenario", scenario, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/requests", requests, methods=["GET", "DELETE"]),
    ]


def requested_scenario(content: Any, current: Scenario) -> Scenario:
    """The scenario that a POST asks for. Raises ScenarioError.

    `{"scenario": name}` replaces the faults at all vendors, with `"vendor"` at that one only; the others keep
    theirs; `"options"` are laid over each fault. A list of such objects composes. An object with `plan` or
    `faults` is a scenario itself.
    """
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, dict) for part in parts):
        raise ScenarioError(f"expected an object or a list of objects, got {content!r}")
    if isinstance(content, dict) and "vendor" in content:
        vendor = str(content["vendor"])
        kept = Scenario(
            current.name,
            "",
            current.plan,
            {name: of for name, of in current.faults.items() if name not in (vendor, "any")},
        )
        shared = current.faults.get("any", ())
        if shared:
            others = {name: shared + kept.faults.get(name, ()) for name in vendor_classes() if name != vendor}
            kept = Scenario(current.name, "", current.plan, others)
        return Scenario.compose([kept, _part(content)])
    base = [] if any("plan" in part for part in parts) else [Scenario("healthy", "", current.plan)]
    return Scenario.compose([*base, *(_part(part) for part in parts)])


def _part(content: dict[str, Any]) -> Scenario:
    if "scenario" not in content:
        return Scenario.read(content)
    scenario = Scenario.load(str(content["scenario"]))
    options = content.get("options") or {}
    if "vendor" in content:
        return scenario.only(str(content["vendor"]), options)
    if options:
        faults = {
            vendor: tuple({**fault, **options} for fault in listed)
            for vendor, listed in scenario.faults.items()
        }
        return Scenario(scenario.name, scenario.description, scenario.plan, faults)
    return scenario


def create_app(
    world: World,
    now: datetime,
    scenario: Scenario | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The app that serves `world` as of `now`.

    Arguments:
        now: what is visible by then; `/_sandbox/now` moves it. Naive is UTC.
        clock: seconds, for rate limits only.
    """
    sandbox = Sandbox(world, now, scenario, clock)
    app = Starlette(routes=[*_control(sandbox), Mount("/", app=_Vendors(sandbox))])
    app.state.sandbox = sandbox
    return app
