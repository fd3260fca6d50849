"""Alerts reach whoever owns them, once, through a real HTTP receiver, and carry no values."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestration.alerts import Alerter
from orchestration.alerts.rules import CheckState, check_alert, run_alert, safe_keys

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)


class Receiver:
    """A Slack-compatible webhook that remembers what it was sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.received.append((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def alerter(tmp_path: Path, **options: Any) -> Alerter:
    return Alerter(tmp_path / "alerts.json", clock=lambda: NOW, **options)


def failing(**changes: Any) -> CheckState:
    state: dict[str, Any] = {
        "name": "metric__mrr_adds_up",
        "subject": "metric.fct_mrr_daily",
        "owner": "team:finance",
        "severity": "block",
        "passed": False,
        "why": "A difference here is money that nobody has.",
        "failed_count": 3,
        "failing_keys": ("hubspot:7|2026-10-01", "ana@example.com", "Ana Souza said no"),
    }
    return CheckState(**{**state, **changes})


def test_a_failing_block_check_reaches_the_owners_webhook(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(
        tmp_path,
        default_urls=[f"{receiver.url}/hooks/everyone"],
        routes={"finance": [f"{receiver.url}/hooks/finance"]},
    )
    alert = check_alert(failing(), holds_back=["metric.fct_mrr_daily"], link="http://127.0.0.1:3000/x")
    assert alerts.raise_alert(alert)
    [(path, payload)] = receiver.received
    assert path.rstrip("/") == "/hooks/finance"
    text = payload["text"]
    assert "metric__mrr_adds_up" in text
    assert "3 rows fail" in text
    assert "Since: 2026-10-05 06:00 UTC" in text
    assert "Held back: metric.fct_mrr_daily" in text
    assert "What to do:" in text
    assert "http://127.0.0.1:3000/x" in text


def test_alerts_carry_keys_of_rows_and_nothing_personal(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(tmp_path, default_urls=[receiver.url])
    alerts.raise_alert(check_alert(failing()))
    [(_, payload)] = receiver.received
    assert "hubspot:7|2026-10-01" in payload["text"]
    assert "ana@example.com" not in payload["text"]
    assert "Ana Souza" not in payload["text"]
    assert safe_keys(["a@b.c", "two words", "jira:1"]) == ("jira:1",)


def test_an_open_alert_is_sent_once_and_once_more_when_it_is_over(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(tmp_path, default_urls=[receiver.url])
    alert = check_alert(failing())
    assert alerts.raise_alert(alert)
    assert not alerts.raise_alert(alert)
    # Another process with the same home knows of it too.
    assert not alerter(tmp_path, default_urls=[receiver.url]).raise_alert(alert)
    assert alerts.resolve(alert.key)
    assert not alerts.resolve(alert.key)
    titles = [payload["text"].splitlines()[0] for _, payload in receiver.received]
    assert len(titles) == 2
    assert titles[1].startswith("*Recovered: metric__mrr_adds_up")
    assert alerts.raise_alert(alert)


def test_a_run_is_alerted_once_whoever_notices_it_first(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(tmp_path, default_urls=[receiver.url])
    alert = run_alert(job="ingest_jira", run_id="r1", error="401", owner="team:data", link="")
    assert alerts.raise_alert(alert)
    alerts.resolve(alert.key)
    assert not alerts.raise_alert(alert)
    assert len(receiver.received) == 2


def test_a_dead_channel_never_stops_a_run(tmp_path: Path) -> None:
    alerts = alerter(tmp_path, default_urls=["http://127.0.0.1:9/hooks/nobody"])
    assert alerts.raise_alert(check_alert(failing()))
    assert list(alerts.open_alerts()) == [failing().key]


def test_an_apprise_url_of_another_kind_is_used_as_it_is(tmp_path: Path, receiver: Receiver) -> None:
    host = receiver.url.removeprefix("http://")
    alerts = alerter(tmp_path, default_urls=[f"json://{host}/any"])
    alerts.raise_alert(check_alert(failing()))
    [(path, payload)] = receiver.received
    assert path == "/any"
    assert payload["title"].startswith("Blocked: metric__mrr_adds_up")
    assert payload["type"] == "failure"
