"""The definitions hold together: keys, lineage, owners, jobs, schedules."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from expectations.contract import freshness_promise_hours
from ingestion.tables import AUDIT_TABLE
from tests.definitions import snapshots

# A list that is compared as a whole says what was added and what is gone.
NAMES = ("assets", "checks", "jobs", "automation")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def loaded(home: Path) -> Iterator[dg.Definitions]:
    from orchestration.definitions import definitions

    with snapshots.company(home):
        yield definitions()


@pytest.fixture(scope="module")
def described(loaded: dg.Definitions) -> dict[str, Any]:
    return snapshots.describe(loaded)


@pytest.mark.parametrize("name", NAMES)
def test_they_are_as_the_snapshot_says(described: dict[str, Any], name: str) -> None:
    assert described[name] == snapshots.read(name), "if the change is meant: make snapshots"


def test_lineage_is_unbroken_from_every_vendor_resource_to_a_published_file(
    described: dict[str, Any],
) -> None:
    assets = described["assets"]
    upstream: set[str] = set()
    queue = [key for key in assets if key.startswith("published/")]
    while queue:
        key = queue.pop()
        if key not in upstream:
            upstream.add(key)
            queue += assets[key]["after"]
    assert "published/bi" in upstream
    dead_ends = {
        key
        for key in assets
        if key.startswith(("staging/", "intermediate/", "marts/")) and key not in upstream
    }
    assert dead_ends == set()
    roots = {key for key in upstream if not assets[key]["after"]}
    assert {key for key in roots if not key.startswith(("raw/", "reference/"))} == set()
    unread = {key for key in assets if key.startswith("raw/") and key not in upstream}
    assert {key for key in unread if not key.startswith("raw/norte/")} == set()
    sources = {key.split("/")[1] for key in roots if key.startswith("raw/")}
    assert sources >= {"hubspot", "zendesk", "mixpanel", "jira", "governance"}


def test_every_raw_table_that_a_model_reads_is_loaded_by_a_job(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    unmade = {
        node.key.to_user_string()
        for node in graph.asset_nodes
        if node.key.path[0] == "raw" and not node.is_materializable
    }
    # The build writes this one itself, after everything that depends on it.
    assert unmade == {"raw/norte/publications"}


def test_every_asset_has_an_owner_a_group_and_kinds(described: dict[str, Any]) -> None:
    bare = {
        key: node
        for key, node in described["assets"].items()
        if not (node["owners"] and node["group"] and node["kinds"])
    }
    assert bare == {}


def test_raw_marts_and_published_files_promise_freshness(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    without = {
        node.key.to_user_string()
        for node in graph.asset_nodes
        if node.key.path[0] in ("marts", "published") and node.freshness_policy is None
    }
    assert without == set()
    # Raw tables promise what the contract of their source does.
    promised = freshness_promise_hours()
    for node in graph.asset_nodes:
        if node.key.path[0] == "raw" and node.is_materializable and node.key.path[1] in promised:
            policy = node.freshness_policy
            if node.key.path[2] == AUDIT_TABLE:
                continue
            assert isinstance(policy, TimeWindowFreshnessPolicy), node.key
            assert policy.fail_window.to_timedelta() == timedelta(hours=promised[node.key.path[1]]), node.key


def test_suite_checks_say_whose_they_are_and_why(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    bare = []
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        if spec.metadata.get("suite") != "dbt" and not (
            spec.description
            and {"owner", "severity", "remedy"} <= {name for name, said in spec.metadata.items() if said}
        ):
            bare.append(key.to_user_string())
    assert bare == []


def test_they_load_in_seconds_and_without_great_expectations(home: Path, loaded: dg.Definitions) -> None:
    code = (
        "import sys, time; started = time.process_time()\n"
        "from orchestration.definitions import definitions; definitions()\n"
        "heavy = {'great_expectations', 'altair', 'great_tables', 'apprise'} & set(sys.modules)\n"
        "print(time.process_time() - started, *sorted(heavy))"
    )
    with snapshots.company(home):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *heavy = result.stdout.split()
    assert heavy == []
    assert float(seconds) < 10
