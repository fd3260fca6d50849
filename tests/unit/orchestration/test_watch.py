"""What a run brought becomes alerts: a failing check, with what it holds back, and its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from expectations.check import CheckOutcome
from orchestration.alerts import Alerter
from orchestration.alerts.templates import as_text
from orchestration.checks.suites import check_result
from orchestration.publishing.publication import Publication, PublishedTable
from orchestration.settings import Settings
from orchestration.watch import alert

KEY = dg.AssetKey(["marts", "metric", "fct_mrr_daily"])
NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)


def run_check(instance: dg.DagsterInstance, **changes: Any) -> dg.DagsterRun:
    """A recorded run of one check that ends as told."""
    told: dict[str, Any] = {
        "suite": "metric",
        "check": "mrr_adds_up",
        "table": "metric.fct_mrr_daily",
        "severity": "block",
        "owner": "product_operations",
        "why": "A difference here is money that nobody has.",
        "success": False,
        "observed": "3 rows that should not exist",
        "failing_keys": ("hubspot:7|2026-10-01",),
        "failed_count": 3,
    }
    outcome = CheckOutcome(**{**told, **changes})

    @dg.asset_check(asset=KEY, name="metric__mrr_adds_up")
    def check() -> dg.AssetCheckResult:
        return check_result(outcome, KEY, lambda table: [table, "metric.mart_metric__daily"])

    job = dg.define_asset_job("build_marts", selection=dg.AssetSelection.checks(check))
    definitions = dg.Definitions(assets=[dg.AssetSpec(KEY)], asset_checks=[check], jobs=[job])
    return definitions.resolve_job_def("build_marts").execute_in_process(instance=instance).dagster_run


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "orchestration.alerts.dispatch.send_to_console",
        lambda message: messages.append((message.title, as_text(message))),
    )
    return messages


def test_a_failing_block_check_is_alerted_once_with_what_it_holds_back_and_then_its_end(
    tmp_path: Path, sent: list[tuple[str, str]]
) -> None:
    settings = Settings.load(home=tmp_path, ui_url="http://127.0.0.1:3999")
    alerts = Alerter(settings.alerts_file, clock=lambda: NOW)
    with dg.DagsterInstance.ephemeral() as instance:
        assert alert(alerts, instance, run_check(instance), settings) == 1
        assert alert(alerts, instance, run_check(instance), settings) == 0
        assert alert(alerts, instance, run_check(instance, success=True), settings) == 1
    (title, body), (recovered, _) = sent
    assert title == "Blocked: metric__mrr_adds_up on marts/metric/fct_mrr_daily"
    assert "Owner: product_operations" in body
    assert "Held back: metric.fct_mrr_daily, metric.mart_metric__daily" in body
    assert "hubspot:7|2026-10-01" in body
    assert "http://127.0.0.1:3999/assets/marts/metric/fct_mrr_daily?view=checks" in body
    assert recovered == "Recovered: metric__mrr_adds_up on marts/metric/fct_mrr_daily"
    assert json.loads(settings.alerts_file.read_text())["open"] == {}


def test_a_failing_warn_check_is_alerted_and_holds_back_nothing(
    tmp_path: Path, sent: list[tuple[str, str]]
) -> None:
    settings = Settings.load(home=tmp_path)
    alerts = Alerter(settings.alerts_file, clock=lambda: NOW)
    with dg.DagsterInstance.ephemeral() as instance:
        assert alert(alerts, instance, run_check(instance, severity="warn"), settings) == 1
    [(title, body)] = sent
    assert title.startswith("Warning: ")
    assert "Held back" not in body


def publish_days(home: Path, states: dict[str, str]) -> None:
    """A publication of the last complete day of some themes."""
    folder = home / "published" / "current"
    folder.mkdir(parents=True, exist_ok=True)
    tables = [
        PublishedTable(schema="insight", name=name, rows=1)
        for name in ("mart_insight__theme_daily", "dim_themes")
    ]
    moment = NOW.replace(tzinfo=None)
    publication = Publication("p1", moment, moment, folder, tuple(tables))
    (folder / "publication.json").write_text(publication.to_json(), encoding="utf-8")
    (folder / "norte.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "norte.duckdb")) as connection:
        connection.execute("create schema insight")
        connection.execute(
            "create table insight.dim_themes as"
            " select 'export' as theme_id, 'Exports' as name_en, 'Reports' as owner"
        )
        connection.execute(
            "create table insight.mart_insight__theme_daily (theme_id text, label text, date_on date,"
            " mention_7d_count bigint, expected_mention_7d_count double, theme_kind text, spike_state text,"
            " is_complete boolean)"
        )
        for theme, state in states.items():
            kind = "emerging" if theme.startswith("emerging") else "governed"
            label = "invoice, maria@cliente.com.br" if kind == "emerging" else None
            connection.execute(
                "insert into insight.mart_insight__theme_daily"
                " values (?, ?, '2026-10-04', 12, 3.5, ?, ?, true)",
                [theme, label, kind, state],
            )


def test_a_theme_that_comes_up_more_is_told_to_its_owner_once(
    tmp_path: Path, sent: list[tuple[str, str]]
) -> None:
    settings = Settings.load(home=tmp_path, now=NOW)
    alerts = Alerter(settings.alerts_file, clock=lambda: NOW)
    with dg.DagsterInstance.ephemeral() as instance:
        publish_days(tmp_path, {"export": "alert", "speed": "normal", "emerging-1": "alert"})
        alert(alerts, instance, run_check(instance, success=True), settings)
        told = [message for message in sent if "More than usual" in message[0]]
        [(title, body)] = told
        assert title == "More than usual: Exports"
        assert "12 items in the seven days to 2026-10-04" in body and "reports" in body
        [(_, new)] = [message for message in sent if message[0].startswith("New: ")]
        assert "invoice" in new and "maria@" not in new
        sent.clear()
        alert(alerts, instance, run_check(instance, success=True), settings)
        publish_days(tmp_path, {"export": "normal"})
        alert(alerts, instance, run_check(instance, success=True), settings)
    assert not [title for title, _ in sent if "Exports" in title]
    assert not [key for key in alerts.open_alerts() if key.startswith("theme:")]
