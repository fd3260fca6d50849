"""The sandbox as a process: start, ports, TLS, control, stop."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox.server import SandboxServer, SandboxServerError
from ingestion.sandbox.world.world import World


def ask(url: str, context: ssl.SSLContext | None = None, **headers: str) -> Any:
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    return opener.open(urllib.request.Request(url, headers=headers), timeout=30)


def test_it_serves_http_and_https_moves_time_and_leaves_nothing_behind(tiny_world: World) -> None:
    with SandboxServer(tiny_world.path, tls=True) as server:
        trusted = ssl.create_default_context(cafile=str(server.ca_file))
        page = ask(
            f"https://127.0.0.1:{server.tls_port}/rest/api/3/serverInfo",
            trusted,
            Host="norte-sandbox.atlassian.net",
        )
        assert b"norte-sandbox.atlassian.net" in page.read()
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(f"https://127.0.0.1:{server.tls_port}/", ssl.create_default_context())

        server.set_now(tiny_world.meta.as_of + timedelta(days=1))
        assert server.control("GET", "health")["now"] == "2026-10-06T06:00:00Z"
        with pytest.raises(SandboxServerError, match="no_such"):
            server.set_scenario("no_such")
        server.set_scenario("outage", vendor="hubspot", refused=True)
        with pytest.raises((ConnectionError, urllib.error.URLError)):
            ask(f"{server.base_url}/hubspot/crm/v3/owners")
        assert server.requests()["vendors"]["jira"]["statuses"] == {"200": 1}
        settings = server.env()
        assert settings["SOURCES__JIRA__BASE_URL"] == f"{server.base_url}/jira"
        assert settings["NORTE_PERSON_KEY_SECRET"] == "s"
        address = server.base_url

    with pytest.raises(urllib.error.URLError):
        ask(f"{address}/_sandbox/health")


def test_what_cannot_be_served_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxServerError, match=r"world\.json"), SandboxServer(tmp_path):
        pass


def test_it_ends_when_its_parent_is_gone(tiny_world: World) -> None:
    server = SandboxServer(tiny_world.path).start()
    process = server._process
    assert process is not None
    assert process.stdin is not None

    process.stdin.close()

    until = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert process.poll() is not None
    server.stop()
