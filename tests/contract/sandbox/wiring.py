"""Calls the sandbox's app in this process, as a server would.

Belongs here: requests and answers. Does not belong here: what is served (`tiny.py`).
"""

from __future__ import annotations

import asyncio
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.applications import Starlette

from ingestion.sandbox import credentials
from ingestion.sandbox.app import create_app
from ingestion.sandbox.scenario import Scenario
from ingestion.sandbox.world.world import World
from tests.contract.sandbox.tiny import NOW, day


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str | None = None

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Wire:
    """Calls the app as a server would, at one vendor, with that vendor's credentials."""

    app: Starlette
    prefix: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def at(self, prefix: str, **headers: str) -> Wire:
        return Wire(self.app, prefix, {name.replace("_", "-"): value for name, value in headers.items()})

    def without_credentials(self) -> Wire:
        return Wire(self.app, self.prefix, {})

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        return self.send("GET", path, query, b"", headers)

    def post(
        self,
        path: str,
        content: Any = None,
        form: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        body = orjson.dumps(content) if form is None else urlencode(form).encode()
        kind = "application/json" if form is None else "application/x-www-form-urlencoded"
        return self.send("POST", path, query, body, {"content-type": kind, **(headers or {})})

    def follow(self, url: str) -> Answer:
        """A link that the app gave."""
        path, _, query = url.split("://", 1)[1].partition("/")[2].partition("?")
        return self._send("GET", f"/{path}", query, b"", self.headers)

    def send(
        self, method: str, path: str, query: Mapping[str, Any], body: bytes, headers: Mapping[str, str] | None
    ) -> Answer:
        inline = path.partition("?")[2]
        encoded = "&".join(part for part in (inline, urlencode(query, doseq=True)) if part)
        return self._send(
            method, self.prefix + path.partition("?")[0], encoded, body, {**self.headers, **(headers or {})}
        )

    def _send(self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        given = {"host": "testserver", **{name.lower(): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": given.pop("x-scheme", "http"),
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        answer = Answer(0, {}, b"")
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                parts.append(message.get("body", b""))

        try:
            asyncio.run(self.app(scope, receive, send))
        except ConnectionError as error:
            answer.error = str(error)
        answer.body = b"".join(parts)
        if answer.headers.get("content-encoding") == "gzip":
            answer.body = zlib.decompress(answer.body, 31)
        return answer


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def basic(name: str, secret: str) -> str:
    return f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"


_CREDENTIALS = {
    "hubspot": f"Bearer {credentials.HUBSPOT_ACCESS_TOKEN}",
    "salesforce": f"Bearer {credentials.SALESFORCE_ACCESS_TOKEN}",
    "zendesk": basic(f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_API_TOKEN),
    "mixpanel": basic(credentials.MIXPANEL_USERNAME, credentials.MIXPANEL_SECRET),
    "intercom": f"Bearer {credentials.INTERCOM_ACCESS_TOKEN}",
    "jira": basic(credentials.JIRA_EMAIL, credentials.JIRA_API_TOKEN),
    "amplitude": basic(credentials.AMPLITUDE_API_KEY, credentials.AMPLITUDE_SECRET_KEY),
    "posthog": f"Bearer {credentials.POSTHOG_API_KEY}",
    "jira_data_center": f"Bearer {credentials.JIRA_PERSONAL_ACCESS_TOKEN}",
}


@dataclass
class Sandboxes:
    """Makes apps over the tiny world, and wires to them."""

    world: World
    now: datetime = NOW
    clock: Clock = field(default_factory=Clock)

    @staticmethod
    def day(number: float) -> datetime:
        return day(number)

    def app(self, scenario: Mapping[str, Any] | str | None = None, now: datetime = NOW) -> Wire:
        """A wire to a new app, at no vendor."""
        chosen = None
        if scenario is not None:
            chosen = Scenario.load(scenario) if isinstance(scenario, str) else Scenario.read(scenario)
        return Wire(create_app(self.world, now, chosen, clock=self.clock))

    def at(self, vendor: str, app: Wire | None = None, now: datetime = NOW, **plan: Any) -> Wire:
        """A wire to one vendor with its credentials; of a new app on `plan` when none is given."""
        found = app or self.app({"plan": {vendor: plan}}, now)
        return found.at(f"/{vendor}", authorization=_CREDENTIALS[vendor])
