"""A job run from the command line: recorded, alerted when it fails, well again after the remedy, never left
hanging.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.home import prepare
from orchestration.settings import Settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "ingestion" / "sources" / "governance" / "template"


class Hook(ThreadingHTTPServer):
    """A Slack-compatible webhook."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        texts = self.texts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                texts.append(json.loads(body)["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    hook = Hook()
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    yield hook
    hook.shutdown()
    hook.server_close()


class Norte:
    """The command on a home of its own, with the governance files as its only source."""

    def __init__(self, home: Path, hook: Hook) -> None:
        self.home = home
        self.files = home / "company"
        shutil.copytree(TEMPLATE, self.files)
        address = f"http://127.0.0.1:{hook.server_address[1]}/hooks/norte"
        self.routes = home / "alerts.yml"
        self.routes.write_text(f"channels: {{all: '{address}'}}\ndefault: [all]\n", encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NORTE_", "SOURCES__", "DAGSTER_"))}
        self.environment = {
            **kept,
            "NORTE_HOME": str(home),
            "NORTE_NOW": "2026-10-05T06:00:00Z",
            "NORTE_PERSON_KEY_SECRET": "not-a-secret",
            "NORTE_RETRY_COUNT": "0",
            "NO_PROXY": "127.0.0.1",
            "SOURCES__ENABLED": "governance",
            "SOURCES__GOVERNANCE__DIRECTORY": str(self.files),
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("norte"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def runs(self) -> list[dg.DagsterRun]:
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return list(instance.get_runs())

    def materialized(self, *path: str) -> bool:
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return instance.get_latest_materialization_event(dg.AssetKey(list(path))) is not None


@pytest.fixture(scope="module")
def norte(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Norte:
    return Norte(tmp_path_factory.mktemp("runs") / "home", hook)


def test_a_failed_run_ends_non_zero_says_what_to_mend_and_alerts_until_it_is_mended(
    norte: Norte, hook: Hook
) -> None:
    good = (norte.files / "metrics.yml").read_text(encoding="utf-8")
    (norte.files / "metrics.yml").write_text("metrics:\n  - {id: 7 7, targets: none}\n", encoding="utf-8")

    failed = norte("run", "--source", "governance")
    assert failed.returncode == 1
    assert failed.stdout.count("expected governance files that fit") == 1, "said once"
    assert "metrics.yml:2" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    [run] = norte.runs()
    assert (run.job_name, run.status) == ("ingest_governance", dg.DagsterRunStatus.FAILURE)
    # By its code location the UI's timeline shows it.
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.location_name == "norte"
    assert run.tags[".dagster/repository"] == "__repository__@norte"
    [text] = hook.texts
    assert text.startswith("🔴 *Failed: ingest_governance*")
    assert "metrics.yml:2" in text
    assert f"/runs/{run.run_id}" in text

    # Failing once more is no news.
    assert norte("run", "--source", "governance").returncode == 1
    assert len(hook.texts) == 1

    (norte.files / "metrics.yml").write_text(good, encoding="utf-8")
    mended = norte("run", "--source", "governance")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert norte.materialized("raw", "governance", "metrics")
    assert [text.splitlines()[0] for text in hook.texts[1:]] == ["🟢 *Recovered: ingest_governance*"]


def test_a_run_whose_process_was_killed_is_closed_by_the_next_one(norte: Norte) -> None:
    prepare(Settings.load(home=norte.home))
    with dg.DagsterInstance.from_config(str(norte.home / "dagster")) as instance:

        @dg.job(name="ingest_governance")
        def job() -> None: ...

        lost = instance.create_run_for_job(
            job, status=dg.DagsterRunStatus.STARTED, tags={"norte/process": "999999@1"}
        )
    assert norte("run", "--source", "governance").returncode == 0
    statuses = {run.run_id: run.status for run in norte.runs()}
    assert statuses[lost.run_id] == dg.DagsterRunStatus.FAILURE


def test_a_job_that_does_not_exist_is_named(norte: Norte) -> None:
    result = norte("run", "--source", "salesforce_of_another", "--job", "build_all")
    assert result.returncode == 1
    assert "came build_all, ingest_salesforce_of_another" in result.stderr
    assert "expected jobs out of ingest_governance, build_marts" in result.stderr


def test_a_run_that_someone_stops_is_no_failure_and_alerts_nobody(norte: Norte, hook: Hook) -> None:
    hook.texts.clear()
    before = {run.run_id for run in norte.runs()}
    beat = norte.home / "heartbeat.json"
    with DuckDBWarehouse(norte.home / "warehouse.duckdb").lock("the test"):
        # It waits for the warehouse, and so is certainly under way.
        running = subprocess.Popen(
            [Path(sys.executable).with_name("norte"), "run", "--build"],
            env=norte.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whatever started these tests in the background may have told them not to hear of Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        log = norte.home / "logs" / "build_marts.log"
        until = time.monotonic() + 120
        while not (log.exists() and "waiting for" in log.read_text(encoding="utf-8")):
            assert running.poll() is None, running.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.1)
        assert "held by the test" in log.read_text(encoding="utf-8")
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=300)
    assert running.returncode == 130, said
    assert "Stopped." in said
    [run] = [run for run in norte.runs() if run.run_id not in before]
    assert (run.job_name, run.status) == ("build_marts", dg.DagsterRunStatus.CANCELED)
    assert hook.texts == []
    assert not beat.exists()
