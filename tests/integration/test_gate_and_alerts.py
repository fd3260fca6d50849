"""What fails is told to whoever should know, and stays unpublished: real runs, a real receiver."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.assets.published import BI_KEY
from orchestration.definitions import build_definitions
from orchestration.job_names import BUILD_JOB
from orchestration.settings import Settings
from orchestration.watch import failure_reason

pytestmark = pytest.mark.integration

NORTE = Path(sys.executable).with_name("norte")
TEMPLATE = Path(__file__).parents[2] / "ingestion" / "sources" / "governance" / "template"
HELD = "impact.mart_impact__key_results"


@dataclass
class Company:
    """A company whose only source is its governance files, and the webhook that its alerts go to."""

    home: Path
    files: Path
    hook: str
    received: list[str] = field(default_factory=list)
    now: str = "2026-10-05T06:00:00Z"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "NORTE_HOME": str(self.home),
            "NORTE_NOW": self.now,
            "NORTE_ALERTS_PATH": str(self.files / "alerts.yml"),
            "NORTE_PERSON_KEY_SECRET": "a-secret-of-the-test",
            "NORTE_RETRY_COUNT": "0",
            "NORTE_THE_HOOK": self.hook,
            "NO_PROXY": "127.0.0.1",
            "SOURCES__ENABLED": "governance",
            "SOURCES__GOVERNANCE__DIRECTORY": str(self.files),
        }

    def norte(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        mine = {
            name: value for name, value in os.environ.items() if not name.startswith(("NORTE_", "SOURCES_"))
        }
        return subprocess.run(
            [str(NORTE), *arguments],
            env={**mine, "COLUMNS": "200", **self.settings},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def take_received(self) -> list[str]:
        taken, self.received[:] = list(self.received), []
        return taken

    def warehouse(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home / "warehouse.duckdb")) as connection:
            return connection.execute(statement).fetchall()

    def publication(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            (self.home / "published" / "current" / "publication.json").read_text(encoding="utf-8")
        )
        return content

    def logged_publications(self) -> set[str]:
        return {name for (name,) in self.warehouse("select publication_id from raw_norte.publications")}

    def held_back(self) -> set[str]:
        tables = self.publication()["tables"]
        return {f"{table['schema']}.{table['name']}" for table in tables if table["is_held_back"]}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("company")
    shutil.copytree(TEMPLATE, folder / "files")
    routes = "channels: {all: '${NORTE_THE_HOOK}'}\ndefault: [all]\n"
    (folder / "files" / "alerts.yml").write_text(routes, encoding="utf-8")
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/x"
    yield Company(folder / "home", folder / "files", hook, received)
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def published(company: Company) -> Company:
    """Loaded, built and published without a fault."""
    done = company.norte("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert company.held_back() == set()
    assert company.take_received() == []
    return company


def test_nothing_is_published_before_anything_was_built(tmp_path: Path, company: Company) -> None:
    done = Company(tmp_path / "home", company.files, company.hook).norte("publish")
    assert done.returncode == 1
    assert "norte run --build" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_every_mart_is_built_without_any_vendor(published: Company) -> None:
    """Models of a source that is off are no part of the project; what needs them gets no rows."""
    marts = dict(
        published.warehouse(
            "select schema_name || '.' || table_name, column_count from duckdb_tables() "
            "where schema_name in ('metric', 'insight', 'delivery', 'governance')"
        )
    )
    assert marts["metric.fct_tickets"] > 20
    assert marts["insight.fct_feedback"] > 10
    staged = published.warehouse(
        "select distinct split_part(table_name, '__', 1) from information_schema.tables "
        "where table_schema = 'staging' and table_name <> 'stg_loads'"
    )
    assert sorted(staged) == [("stg_governance",), ("stg_impact",), ("stg_insight",), ("stg_trends",)]


def test_a_failed_run_is_alerted_on_the_console_and_by_webhook_and_so_is_its_end(published: Company) -> None:
    file = published.files / "key_results.yml"
    good = file.read_text(encoding="utf-8")
    file.write_text(good + "\n- [unclosed\n", encoding="utf-8")
    done = published.norte("run", "--source", "governance")
    assert done.returncode == 1
    assert re.search(r"key_results\.yml:\d+: expected", done.stdout)
    [alert] = published.take_received()
    assert alert.startswith("🔴 *Failed: ingest_governance*")
    assert re.search(r"key_results\.yml:\d+", alert)
    assert "*Do:* `norte doctor governance`" in alert
    assert "Failed: ingest_governance" in (published.home / "logs" / "ingest_governance.log").read_text()

    file.write_text(good, encoding="utf-8")
    assert published.norte("run", "--source", "governance").returncode == 0
    [recovery] = published.take_received()
    assert recovery.startswith("🟢 *Recovered: ingest_governance*")


def test_silence_is_noticed_without_dagster_alerted_once_and_its_end_too(published: Company) -> None:
    assert published.norte("doctor", "--heartbeat").returncode == 0
    assert published.take_received() == []
    began, published.now = published.now, "2026-10-06T12:00:00Z"
    for _ in range(2):
        done = published.norte("doctor", "--heartbeat")
        assert done.returncode == 1
        assert "last publication: 30 h ago; expected every 26 h" in done.stdout
    [alert] = published.take_received()
    assert alert.startswith("🔴 *Silent: no publication for 30 h*")
    assert "*Since:* 2026-10-06 08:00 UTC (4 h ago)" in alert
    published.now = began
    assert published.norte("doctor", "--heartbeat").returncode == 0
    [recovery] = published.take_received()
    assert recovery.startswith("🟢 *Recovered: no publication")


def test_a_failing_block_check_holds_back_and_alerts_and_publishing_again_does_not_let_it_through(
    published: Company,
) -> None:
    columns = [
        name
        for (name,) in published.warehouse(
            "select column_name from duckdb_columns() "
            "where schema_name = 'raw_governance' and table_name = 'key_results' order by column_index"
        )
    ]
    changed = {"_key": "'broken'", "key_result_id": "'broken'", "metric_id": "null"}
    values = ", ".join(changed.get(name, name) for name in columns)
    published.warehouse(
        f"insert into raw_governance.key_results select {values} from raw_governance.key_results limit 1"
    )
    published.now = "2026-10-06T06:00:00Z"
    before = published.publication()["id"]

    done = published.norte("run", "--build")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "held back" in done.stdout
    assert published.publication()["id"] != before
    assert HELD in published.held_back()
    assert "governance.mart_governance__data_health" not in published.held_back()
    alerts = [text for text in published.take_received() if text.startswith("🔴 ")]
    assert any("on raw/governance/key_results" in text and HELD in text for text in alerts), alerts
    # Of one run, everybody gets one message.
    assert len(alerts) == len({re.findall(r"Owner:\* (\w+)", text)[0] for text in alerts})

    # A second time as it lies: the same verdict.
    held = published.held_back()
    done = published.norte("publish")
    assert done.returncode == 3, done.stdout + done.stderr
    assert published.held_back() == held
    assert published.publication()["id"] in published.logged_publications()

    # A build that did not come to its end leaves marts that nobody has judged.
    (published.home / "verdict.json").unlink()
    before = published.publication()["id"]
    done = published.norte("publish")
    assert done.returncode == 1
    assert "norte run --build" in done.stderr
    assert published.publication()["id"] == before


def test_a_part_is_never_published_and_arrivals_that_nobody_could_judge_hold_back_what_is_built_on_them(
    published: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in published.settings.items():
        monkeypatch.setenv(name, value)
    job = build_definitions(Settings.load()).resolve_job_def(BUILD_JOB)
    before = published.publication()["id"]
    with dg.DagsterInstance.from_config(str(published.home / "dagster")) as instance:
        part = [dg.AssetKey(["marts", *HELD.split(".")]), BI_KEY]
        refused = job.execute_in_process(instance=instance, asset_selection=part, raise_on_error=False)
        assert not refused.success
        assert "came a part of them" in failure_reason(instance, refused.run_id)
        assert published.publication()["id"] == before

        def crash(*arguments: Any, **options: Any) -> None:
            raise RuntimeError("the step is gone")

        monkeypatch.setattr("orchestration.checks.arrival.run_suites", crash)
        crashed = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not crashed.success
    assert published.publication()["id"] != before
    assert HELD in published.held_back()
    reasons = {table["reason"] or "" for table in published.publication()["tables"]}
    assert any("the checks at arrival could not run" in reason for reason in reasons)
