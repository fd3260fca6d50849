"""A vendor's side with as little work as possible: what is asked for lies ready.

Belongs here: the server of the bench, a process of its own whose time is not counted. Does not belong here:
what a real vendor does; that is the sandbox.
"""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

FIRST_DAY = date(2026, 8, 1)
DAYS = 30
ISSUE_PAGE = 100


@dataclass(frozen=True)
class Shape:
    """What is served.

    Arguments:
        events: files of events, one a day.
        issues: a file of issues, one a line.
        delay_seconds: of each page of `pages`.
        limit_per_second: of `limited`; more is answered with 429.
    """

    events: Path | None = None
    issues: Path | None = None
    delay_seconds: float = 0.0
    limit_per_second: int = 0


@contextmanager
def served(shape: Shape) -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(shape, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(shape: Shape, ready: Connection) -> None:
    issues = [json.loads(line) for line in shape.issues.open()] if shape.issues else []
    some = [issues[at : at + ISSUE_PAGE] for at in range(0, len(issues), ISSUE_PAGE)] or [[]]
    pages = [json.dumps({"issues": page})[:-1] for page in some]
    window: deque[float] = deque()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            self._answer(parts.path, query, {})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in self.headers.get("Content-Type", "")
            self._answer(urlsplit(self.path).path, {}, json.loads(raw) if is_json and raw else {})

        def _answer(self, path: str, query: dict[str, str], body: dict[str, Any]) -> None:
            if path.endswith("/export"):
                self._send_files(query)
            elif path.endswith("/search/jql"):
                self._send(self._issues(body or query))
            elif path == "/pages":
                time.sleep(shape.delay_seconds)
                self._send(json.dumps({"values": [{"id": n, "name": f"name {n}"} for n in range(100)]}))
            elif path == "/limited":
                self._send_limited()
            elif path.endswith("project/search"):
                self._send(_PROJECTS if query.get("status") == "live" else '{"values": [], "isLast": true}')
            else:
                self._send(next((said for end, said in _EMPTY.items() if path.endswith(end)), "{}"))

        def _send_files(self, query: dict[str, str]) -> None:
            assert shape.events is not None
            first, last = (date.fromisoformat(query[name]) for name in ("from_date", "to_date"))
            days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
            files = [
                shape.events / f"{day}.jsonl" for day in days if (shape.events / f"{day}.jsonl").exists()
            ]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(sum(file.stat().st_size for file in files)))
            self.end_headers()
            for file in files:
                self.wfile.write(file.read_bytes())

        @staticmethod
        def _issues(body: dict[str, Any]) -> str:
            at = int(body.get("nextPageToken") or 0)
            more = (
                f', "nextPageToken": "{at + 1}", "isLast": false}}'
                if at + 1 < len(pages)
                else ', "isLast": true}'
            )
            return pages[at] + more

        def _send_limited(self) -> None:
            with lock:
                now = time.monotonic()
                while window and now - window[0] > 1.0:
                    window.popleft()
                is_over = len(window) >= shape.limit_per_second
                if not is_over:
                    window.append(now)
            self._send("{}", 429 if is_over else 200)

        def _send(self, text: str, status: int = 200) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ready.send(server.server_port)
    server.serve_forever()


# What else a connector asks, by the last part of the path: a small site, without profiles.
_PROJECTS = '{"values": [{"id": "10000", "key": "PRD", "name": "Product"}], "isLast": true}'
_EMPTY = {
    "engage": '{"results": [], "page": 0, "page_size": 1000, "session_id": "s", "status": "ok", "total": 0}',
    "myself": '{"accountId": "5b-1", "timeZone": "UTC"}',
    "field": "[]",
    "status": "[]",
    "issuetype": "[]",
    "users/search": "[]",
    "version": '{"values": [], "isLast": true}',
    "board": '{"values": [], "isLast": true}',
    "bulkfetch": '{"issueChangeLogs": [], "issues": []}',
}
