"""Alerts reach whoever owns them, once, through real receivers, and carry no values."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from orchestration.alerts import Alerter
from orchestration.alerts.of_home import alerter as alerter_of
from orchestration.alerts.routing import Routes, read_routes
from orchestration.alerts.rules import Alert, CheckState, check_alert, run_alert, safe_keys, safe_text
from orchestration.settings import Settings

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)


class Receiver:
    """A Slack-compatible webhook that remembers what it was sent, and may be out of order."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.status == 200:
                    outer.received.append((self.path, json.loads(body)))
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def titles(self) -> list[str]:
        return [payload["text"].splitlines()[0] for _, payload in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


class Mailbox:
    """What an SMTP server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        made: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(made)
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    taken = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(taken, hostname="127.0.0.1", port=port)
    controller.start()
    yield taken, f"mailto://127.0.0.1:{port}?from=norte@acme.example&to=ops@acme.example"
    controller.stop()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def alerter(tmp_path: Path, written: str = "", clock: Any = None, **environment: str) -> Alerter:
    """The alerter of a home with this `alerts.yml`."""
    file = tmp_path / "alerts.yml"
    file.write_text(written, encoding="utf-8")
    routes = read_routes(file, environment, "America/Sao_Paulo")
    return Alerter(tmp_path / "alerts.json", routes=routes, clock=clock or (lambda: NOW))


def to_all(url: str) -> str:
    return f"channels: {{everyone: '{url}'}}\ndefault: [everyone]\n"


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


def test_a_failing_block_check_reaches_the_owners_webhook_and_says_all_that_a_woken_person_needs(
    tmp_path: Path, receiver: Receiver
) -> None:
    alerts = alerter(
        tmp_path,
        f"""
        channels: {{everyone: "{receiver.url}/hooks/everyone", money: "${{NORTE_HOOK}}/hooks/finance"}}
        default: [everyone]
        owners: {{finance: [money]}}
        """,
        NORTE_HOOK=receiver.url,
    )
    alert = check_alert(failing(), holds_back=["metric.fct_mrr_daily"], link="http://127.0.0.1:3000/x")
    assert alerts.report([alert]) == 1
    [(path, payload)] = receiver.received
    assert path == "/hooks/finance"
    assert payload["text"].splitlines() == [
        "🔴 *Blocked: metric__mrr_adds_up on metric.fct_mrr_daily*",
        "*What:* 3 rows fail. A difference here is money that nobody has. "
        "It blocks: the tables below keep their last published state until it passes.",
        "*Since:* 2026-10-05 06:00 UTC",
        "*Owner:* finance",
        "*Held back:* metric.fct_mrr_daily",
        "*Do:* Look at these rows in the working warehouse, correct the source or the model, "
        "then `norte run --build`.",
        "*Rows:* hubspot:7|2026-10-01",
        "http://127.0.0.1:3000/x",
    ]


def test_an_owner_is_found_however_it_is_written(tmp_path: Path, receiver: Receiver) -> None:
    written = f"""
    channels: {{mine: "{receiver.url}/mine", all: "{receiver.url}/all"}}
    default: [all]
    owners: {{Operações de Receita: mine}}
    """
    alerter(tmp_path, written).report([check_alert(failing(owner="team:operações de receita"))])
    # Dagster takes plain letters only, and so it comes from an asset check.
    other = check_alert(failing(owner="team:opera_es_de_receita", name="other"))
    alerter(tmp_path, written).report([other])
    assert [path for path, _ in receiver.received] == ["/mine", "/mine"]


def test_alerts_carry_keys_of_rows_and_nothing_personal(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(tmp_path, to_all(receiver.url))
    error = "expected a list, came {'email': 'ana@example.com', 'phone': '+55 11 98765-4321'}"
    alerts.report(
        [
            check_alert(failing(message="3 rows with bruno@example.com")),
            run_alert(job="ingest_jira", run_id="r1", error=error, owner="team:finance", link=""),
        ]
    )
    [(_, payload)] = receiver.received
    assert "hubspot:7|2026-10-01" in payload["text"]
    for personal in ("ana@example.com", "bruno@example.com", "Ana Souza", "98765"):
        assert personal not in payload["text"]
    assert safe_keys(["a@b.c", "two words", "jira:1"]) == ("jira:1",)
    assert "2026-10-05 06:00:00" in safe_text("at 2026-10-05 06:00:00")


def test_what_one_run_brings_is_one_message_per_owner_with_what_blocks_first(
    tmp_path: Path, receiver: Receiver
) -> None:
    alerts = alerter(tmp_path, to_all(receiver.url))
    several = [check_alert(failing(name=f"check_{number}", severity="warn")) for number in range(7)]
    blocking = check_alert(failing(), holds_back=["metric.a", "metric.b"])
    assert alerts.report([*several, blocking, check_alert(failing(owner="team:support"))]) == 8
    texts = [payload["text"] for _, payload in receiver.received]
    assert len(texts) == 1
    assert texts[0].splitlines()[0] == "🔴 *8 alerts for finance, 2 tables held back*"
    assert texts[0].splitlines()[1] == "*Blocked: metric__mrr_adds_up on metric.fct_mrr_daily*"
    assert "*And 3 more*" in texts[0]
    assert texts[0].count("Since:") == 5

    assert alerts.report(over=[alert.key for alert in several]) == 7
    assert receiver.titles()[1:] == ["🟢 *Recovered: 7 alerts*"]


def test_an_open_alert_is_sent_once_and_once_more_when_it_is_over(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    alerts = alerter(tmp_path, to_all(receiver.url), clock)
    alert = check_alert(failing())
    assert alerts.report([alert]) == 1
    assert alerts.report([alert]) == 0
    # Another process with the same home knows of it too.
    assert alerter(tmp_path, to_all(receiver.url)).report([alert]) == 0
    clock.now = NOW + timedelta(hours=5)
    assert alerts.report(over=[alert.key]) == 1
    assert alerts.report(over=[alert.key]) == 0
    titles = receiver.titles()
    assert len(titles) == 2
    assert titles[1] == "🟢 *Recovered: metric__mrr_adds_up on metric.fct_mrr_daily*"
    assert "2026-10-05 06:00 UTC to 2026-10-05 11:00 UTC (5 h)" in receiver.received[1][1]["text"]
    assert alerts.report([alert]) == 1


def test_a_run_is_alerted_once_whoever_notices_it_first(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(tmp_path, to_all(receiver.url))
    alert = run_alert(job="ingest_jira", run_id="r1", error="401", owner="team:data", link="")
    assert alerts.report([alert]) == 1
    alerts.report(over=[alert.key])
    assert alerts.report([alert]) == 0
    assert len(receiver.received) == 2


def test_a_channel_that_fails_stops_nothing_and_gets_its_alerts_in_order_when_it_is_back(
    tmp_path: Path, receiver: Receiver
) -> None:
    written = f"""
    channels: {{hook: "{receiver.url}", gone: "http://127.0.0.1:9/secret-of-the-hook"}}
    default: [hook, gone]
    """
    receiver.status = 503
    alerts = alerter(tmp_path, written)
    alert = check_alert(failing())
    assert alerts.report([alert]) == 1
    alerts.report(over=[alert.key])
    assert list(alerts.open_alerts()) == []
    waiting = {(one.channel, one.reason, one.title.split(":")[0]) for one in alerts.waiting()}
    assert waiting == {
        ("hook", "HTTP 503", "Blocked"),
        ("hook", "HTTP 503", "Recovered"),
        ("gone", "ConnectionError", "Blocked"),
        ("gone", "ConnectionError", "Recovered"),
    }
    assert "secret-of-the-hook" not in (tmp_path / "alerts.json").read_text(encoding="utf-8")

    receiver.status = 200
    # The next run, which has nothing new to say; the channel that is gone was taken out.
    alerter(tmp_path, to_all(receiver.url).replace("everyone", "hook")).report()
    assert [title.split(":")[0] for title in receiver.titles()][:2] == ["🔴 *Blocked", "🟢 *Recovered"]
    assert alerts.waiting() == []


def test_with_a_file_that_cannot_be_read_alerts_wait_until_it_can(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.load(home=tmp_path, company=None, alerts_path=None)
    settings.routes_file.write_text("channels: {a: '${NORTE_HOOK_A}'}\ndefault: [a]\n", encoding="utf-8")
    monkeypatch.delenv("NORTE_HOOK_A", raising=False)
    assert alerter_of(settings).report([check_alert(failing())]) == 1
    [waiting] = alerter_of(settings).waiting()
    assert "expected NORTE_HOOK_A in the environment" in waiting.reason

    monkeypatch.setenv("NORTE_HOOK_A", receiver.url)
    alerter_of(settings).report()
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("chanels: {}", "came chanels"),
        ("channels: {a: 'https://x.example'}\ndefault: [b]", "expected names out of channels (a); came b"),
        ("channels: {a: hooks.example}", "expected an address with ://"),
        ("quiet_hours: {from: 20:00, until: 07:00}", "with quotation marks"),
        ("escalation: {after_hours: soon}", "expected hours above 0"),
        ("- a list", "the file"),
        ("channels: {a: [", "cannot be read|can be read"),
    ],
)
def test_a_file_with_a_mistake_is_refused_in_words(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"alerts\.yml") as caught:
        alerter(tmp_path, written)
    assert any(part in str(caught.value) for part in said.split("|"))


def test_what_stays_blocked_is_told_to_someone_else_too_once(tmp_path: Path, receiver: Receiver) -> None:
    clock = Clock()
    written = f"""
    channels: {{team: "{receiver.url}/team", boss: "{receiver.url}/boss"}}
    default: [team]
    escalation: {{after_hours: 8, to: [boss]}}
    """
    alerts = alerter(tmp_path, written, clock)
    alerts.report([check_alert(failing()), check_alert(failing(name="mild", severity="warn"))])
    for hours in (7, 9, 12):
        clock.now = NOW + timedelta(hours=hours)
        alerts.report()
    told = [payload["text"] for path, payload in receiver.received if path == "/boss"]
    assert len(told) == 1
    assert told[0].startswith("🔴 *Still open: Blocked: metric__mrr_adds_up")
    assert "(9 h ago)" in told[0]


def test_warnings_wait_for_the_end_of_quiet_hours_and_what_blocks_does_not(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock = Clock()  # 03:00 in São Paulo
    written = to_all(receiver.url) + 'quiet_hours: {from: "20:00", until: "07:00"}\n'
    alerts = alerter(tmp_path, written, clock)
    alerts.report([check_alert(failing(severity="warn", name="mild"))])
    alerts.report([check_alert(failing())])
    assert [title.split(":")[0] for title in receiver.titles()] == ["🔴 *Blocked"]
    # To wait is not to be stuck.
    assert alerts.waiting() == []
    clock.now = NOW + timedelta(hours=4)
    alerts.report()
    assert [title.split(":")[0] for title in receiver.titles()] == ["🔴 *Blocked", "🟡 *Warning"]


def test_that_a_notice_is_over_is_no_news(tmp_path: Path, receiver: Receiver) -> None:
    alerts = alerter(tmp_path, to_all(receiver.url))
    notice = check_alert(failing(severity="notice"))
    alerts.report([notice])
    alerts.report(over=[notice.key])
    assert [title.split(":")[0] for title in receiver.titles()] == ["🔵 *Notice"]
    assert alerts.open_alerts() == {}


HOSTILE = (
    '<script>alert(1)</script> <!channel> @channel <http://evil.example|click> "\r\nBcc: all@evil.example'
)


def hostile_alert() -> Alert:
    return run_alert(
        job="ingest_jira", run_id="r", error=f"Não foi possível: {HOSTILE}", owner="team:finance", link=""
    )


def test_hostile_text_calls_nobody_in_a_chat(tmp_path: Path, receiver: Receiver) -> None:
    alerter(tmp_path, to_all(receiver.url)).report([hostile_alert()])
    [(_, payload)] = receiver.received
    assert "Não foi possível" in payload["text"]
    assert "<" not in payload["text"]
    assert "@channel" not in payload["text"]


def test_an_alert_is_an_e_mail_in_text_and_html_in_which_hostile_text_is_harmless(
    tmp_path: Path, mailbox: tuple[Mailbox, str]
) -> None:
    taken, address = mailbox
    alerts = alerter(tmp_path, to_all(address))
    link = "http://127.0.0.1:3000/x?view=checks&a=1"
    named = check_alert(
        failing(name="reconciliação\r\nBcc: all@evil.example", why="Faltam três clientes."),
        holds_back=["metric.fct_mrr_daily"],
        link=link,
    )
    alerts.report([hostile_alert(), named])
    alerts.report(over=[named.key])
    alert, recovered = taken.mails
    assert alert["To"] == "ops@acme.example"
    assert "Bcc" not in alert
    assert alert["Subject"] == "2 alerts for finance, 1 table held back"
    assert recovered["Subject"].startswith("Recovered: reconciliação")
    assert "Bcc" not in recovered
    html = alert.get_body(("html",)).get_content()  # type: ignore[union-attr]
    text = alert.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert 'href="http://127.0.0.1:3000/x?view=checks&amp;a=1"' in html
    for body in (html, text):
        assert "Faltam três clientes." in body
        assert "Não foi possível" in body
        assert "metric.fct_mrr_daily" in body
        assert "norte run --job ingest_jira" in body


def test_a_mail_server_that_refuses_is_tried_again(tmp_path: Path) -> None:
    alerts = alerter(tmp_path, to_all("mailto://127.0.0.1:9?from=a@acme.example&to=b@acme.example"))
    assert alerts.report([check_alert(failing())]) == 1
    assert [one.channel for one in alerts.waiting()] == ["everyone"]


def test_an_apprise_url_of_another_kind_is_used_as_it_is(tmp_path: Path, receiver: Receiver) -> None:
    host = receiver.url.removeprefix("http://")
    alerter(tmp_path, to_all(f"json://{host}/any")).report([check_alert(failing())])
    [(path, payload)] = receiver.received
    assert path == "/any"
    assert payload["title"].startswith("Blocked: metric__mrr_adds_up")
    assert payload["type"] == "failure"


def test_without_a_file_nothing_is_sent_and_nothing_waits(tmp_path: Path) -> None:
    alerts = Alerter(tmp_path / "alerts.json", routes=Routes(), clock=lambda: NOW)
    assert alerts.report([check_alert(failing())]) == 1
    assert alerts.waiting() == []
