"""What connectors are tried against: a vendor that answers by script over real HTTP, and the sandbox."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingestion.pipeline import LoadSummary, run_source
from ingestion.registry import connection, settings_of
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from ingestion.source import Malformed, Record, RunContext, Source
from ingestion.warehouses.duckdb import DuckDBWarehouse

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Any]


class ScriptedVendor:
    """Answers each path by its handler; 404 for all others. Keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._handlers: dict[str, Handler] = {}
        vendor = self

        class HandlerOfOne(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length)
                is_json = "json" in self.headers.get("Content-Type", "")
                request = Request(
                    self.command,
                    parts.path.lstrip("/"),
                    {name: values[-1] for name, values in parse_qs(parts.query).items()},
                    json.loads(raw) if raw and is_json else raw.decode(),
                    dict(self.headers.items()),
                )
                answer = vendor.answer(request)
                is_raw = isinstance(answer.body, bytes)
                content = answer.body if is_raw else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = _serve  # noqa: N815 (http.server looks these names up)
            do_POST = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), HandlerOfOne)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._lock = threading.Lock()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def on(self, path: str, handler: Handler | dict[str, Any] | list[Any]) -> None:
        """Answer `path` (without the leading slash) by a handler, or always the same.

        The answer is the body, as JSON unless it is bytes; more is said by
        `{"answer": body, "status": 404, "headers": {...}}`.
        """
        self._handlers[path] = handler if callable(handler) else lambda request: handler

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            handler = self._handlers.get(request.path)
            unknown = {"answer": {"error": "no such path in the script"}, "status": 404}
            found: Any = handler(request) if handler else unknown
        if isinstance(found, dict) and "answer" in found:
            more: dict[str, Any] = found
            return Answer(more["answer"], more.get("status", 200), more.get("headers", {}))
        return Answer(found)

    def asked(self, path: str) -> list[Request]:
        """Requests that came for `path`, in order."""
        return [one for one in self.requests if one.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class KnownKeys:
    """`Known` over plain sets."""

    def __init__(self, **keys: set[str]) -> None:
        self._keys = keys

    def keys(self, resource: str, prefix: str | None = None) -> set[str]:
        return {key for key in self._keys.get(resource, set()) if key.startswith(prefix or "")}


@dataclass
class Outcome:
    """What a connector's run yielded."""

    records: dict[str, list[Record | Malformed]]
    state: dict[str, Any]
    slices: int

    def values(self, resource: str) -> list[dict[str, Any]]:
        """Values of the live records."""
        return [
            dict(one.values)
            for one in self.records.get(resource, [])
            if isinstance(one, Record) and not one.is_deleted
        ]

    def tombstones(self, resource: str) -> list[dict[str, Any]]:
        """Values of the tombstones."""
        return [
            dict(one.values)
            for one in self.records.get(resource, [])
            if isinstance(one, Record) and one.is_deleted
        ]


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    scripted = ScriptedVendor()
    yield scripted
    scripted.close()


@pytest.fixture
def run() -> Callable[..., Outcome]:
    """Runs a connector: `run(source, settings, state=..., known={...}, now=...)`."""

    def run_connector(
        source: Source,
        settings: Any,
        *,
        state: dict[str, Any] | None = None,
        known: dict[str, set[str]] | None = None,
        now: datetime = NOW,
    ) -> Outcome:
        context = RunContext(
            instance=source.name,
            now=now,
            state=state or {},
            known=KnownKeys(**(known or {})),
            report=lambda resource, rows, expected: None,
        )
        outcome = Outcome({}, {}, 0)
        for piece in source.slices(settings, context):
            for batch in piece.batches:
                outcome.records.setdefault(batch.resource, []).extend(batch.records)
            outcome.state = piece.state()
            outcome.slices += 1
        json.dumps(outcome.state)
        return outcome

    return run_connector


class Account:
    """A sandbox, a warehouse of its own, and one connection between them."""

    def __init__(self, vendor: str, server: SandboxServer, world: World, folder: Path) -> None:
        self.vendor = vendor
        self.server = server
        self.world = world
        self.warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        self._pipelines = folder / "pipelines"

    def load(self, now: datetime, **settings: Any) -> LoadSummary:
        """One run as of `now`; `settings` override those of the environment."""
        self.server.set_now(now)
        spec = settings_of(connection(self.vendor))
        spec.update(settings)
        return run_source(
            self.vendor,
            warehouse=self.warehouse,
            pipelines_dir=self._pipelines,
            now=now,
            person_key_secret="not-a-secret",
            settings=spec,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with self.warehouse.connect(read_only=True) as connected:
            return connected.execute(sql).fetchall()

    def alive(self, resource: str) -> set[str]:
        """Keys whose last version is no tombstone."""
        found = self.query(
            f"""
            select _key from raw_{self.vendor}.{resource}
            qualify row_number() over (
                partition by _key order by _source_updated_at desc, _extracted_at desc, _dlt_load_id desc
            ) = 1 and not _is_deleted
            """
        )
        return {row[0] for row in found}

    def statuses(self) -> dict[str, int]:
        """How often the sandbox answered with which status to this vendor, since the last call."""
        counts = self.server.requests(reset=True)["vendors"].get(self.vendor, {})
        return dict(counts.get("statuses", {}))

    def refusals(self) -> list[str]:
        """Routes that were answered with 'too many requests', since the last reset."""
        routes = self.server.requests()["vendors"].get(self.vendor, {}).get("routes", {})
        return [route for route in routes if route.startswith("429")]


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A company of a few months."""
    folder = tmp_path_factory.mktemp("world")
    generate_world(folder, accounts=24, months=3)
    return World.load(folder)


@pytest.fixture(scope="module")
def small_sandbox(small_world: World) -> Iterator[SandboxServer]:
    with SandboxServer(small_world.path, small_world.meta.as_of) as server:
        yield server


@pytest.fixture
def account(
    small_sandbox: SandboxServer,
    small_world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Account]:
    """Opens an account: `account("jira")`; each folder is a warehouse."""
    small_sandbox.set_scenario("healthy")
    small_sandbox.set_now(small_world.meta.as_of)
    small_sandbox.requests(reset=True)
    for name, value in small_sandbox.env().items():
        monkeypatch.setenv(name, value)
    return lambda vendor, folder=tmp_path: Account(vendor, small_sandbox, small_world, folder)
