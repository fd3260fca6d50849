"""dbt's process, with a project of three models in place of ours."""

import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.resources import dbt as dbt_module
from orchestration.resources.dbt import Dbt, DbtManifestError

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
PROJECT = """
name: small
version: "1.0"
profile: small
model-paths: [models]
"""
PROFILE = """
small:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('NORTE_WAREHOUSE_PATH') }}", threads: 1}
"""
MODELS = {
    "told": "select '{{ env_var(\"NORTE_NOW\") }}' as told_at, '{{ var(\"zone\") }}' as zone",
    "broken": "select nobody from {{ ref('told') }}",
    "endless": "{{ config(materialized='table') }} select count(*) as n"
    " from range(1000000) a, range(1000000) b where a.range + b.range = 7",
}


@pytest.fixture
def dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dbt:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text(PROJECT)
    (project / "profiles.yml").write_text(PROFILE)
    for name, sql in MODELS.items():
        (project / "models" / f"{name}.sql").write_text(sql)
    monkeypatch.setattr(dbt_module, "PROJECT_DIR", project)
    return Dbt(DuckDBWarehouse(tmp_path / "w.duckdb"), tmp_path / "dbt", {"zone": "UTC"})


def test_one_process_is_asked_several_times_and_lets_go_of_the_file_in_between(
    dbt: Dbt, tmp_path: Path
) -> None:
    with dbt.session(NOW) as session:
        *_, last = session.run(["build", "--select", "told"])
        assert [(result["unique_id"], result["status"]) for result in last["results"]] == [
            ("model.small.told", "success")
        ]
        with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
            assert connection.execute("from main.told").fetchall() == [(NOW.isoformat(), "UTC")]

        events = list(session.run(["build", "--select", "broken"]))
        assert any("nobody" in event.get("problem", "") for event in events)
        [result] = events[-1]["results"]
        assert result["status"] == "error"
        assert "nobody" in result["message"]

        assert any("problem" in event for event in session.run(["build", "--select", "told", "--no-such"]))


def test_a_build_that_ends_early_interrupts_what_dbt_is_doing(dbt: Dbt, tmp_path: Path) -> None:
    with dbt.session(NOW) as session:
        events = session.run(["build", "--select", "endless"])
        next(event for event in events if event.get("info", {}).get("name") == "LogStartLine")
    duckdb.connect(str(tmp_path / "w.duckdb")).close()


def test_a_build_that_is_killed_leaves_no_dbt_behind(dbt: Dbt, tmp_path: Path) -> None:
    building = f"""
from datetime import datetime
from pathlib import Path
from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.resources import dbt
dbt.PROJECT_DIR = Path({str(dbt_module.PROJECT_DIR)!r})
warehouse = DuckDBWarehouse(Path({str(tmp_path / "w.duckdb")!r}))
one = dbt.Dbt(warehouse, Path({str(tmp_path / "dbt")!r}), {{"zone": "UTC"}})
with one.session(datetime.fromisoformat({NOW.isoformat()!r})) as session:
    for event in session.run(["build", "--select", "endless"]):
        if event.get("info", {{}}).get("name") == "LogStartLine":
            print("building", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", building], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert any(line == "building\n" for line in process.stdout)
    process.kill()
    process.wait()
    for _ in range(100):
        with suppress(duckdb.IOException), duckdb.connect(str(tmp_path / "w.duckdb")):
            return
        time.sleep(0.1)
    pytest.fail("dbt still holds the warehouse's file ten seconds after the build was killed")


def test_a_project_that_cannot_be_read_is_an_error_that_quotes_dbt(dbt: Dbt) -> None:
    (dbt_module.PROJECT_DIR / "models" / "told.sql").write_text("select {{ ref('gone') }}")
    with pytest.raises(DbtManifestError, match=r"gone(.|\n)*run `dbt parse`"):
        dbt.manifest(NOW)
