"""After an upgrade, what grows is made anew: which changes count, and when a build may be noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.assets.models import Models, _meaning
from orchestration.gate import Fault
from orchestration.resources.dbt import Dbt


def node(name: str, materialized: str, code: str) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "unique_id": f"model.norte.{name}",
        "name": name,
        "alias": name,
        "schema": "staging",
        "fqn": ["norte", "staging", name],
        "tags": [],
        "raw_code": code,
        "config": {"materialized": materialized},
    }


def models(
    folder: Path,
    *,
    staging: str = "select 1",
    view: str = "select 2",
    macro: str = "{% macro envelope() %}{% endmacro %}",
    zone: str = "UTC",
) -> Models:
    nodes = [node("stg_events", "incremental", staging), node("events_mapped", "view", view)]
    manifest = {
        "nodes": {each["unique_id"]: each for each in nodes},
        "macros": {
            "macro.norte.envelope": {"package_name": "norte", "macro_sql": macro},
            "macro.dbt.datediff": {"package_name": "dbt", "macro_sql": "theirs"},
        },
        "metadata": {"project_name": "norte"},
    }
    return Models(manifest, Dbt(folder / "w.duckdb", folder, {"company_time_zone": zone}))


def test_code_of_what_grows_macros_and_the_companys_days_count_and_nothing_else(tmp_path: Path) -> None:
    before = models(tmp_path).fingerprint
    assert models(tmp_path).fingerprint == before
    assert models(tmp_path, view="select 3").fingerprint == before
    assert models(tmp_path, staging="select 3").fingerprint != before
    assert models(tmp_path, macro="{% macro envelope() %}x{% endmacro %}").fingerprint != before
    assert models(tmp_path, zone="America/Sao_Paulo").fingerprint != before


def test_a_build_is_noted_unless_something_that_grows_failed(tmp_path: Path) -> None:
    built = models(tmp_path)
    dbt = Dbt(tmp_path / "w.duckdb", tmp_path, {})
    built.have_been_built([Fault("staging.stg_events", "it failed")])
    assert dbt.built_by is None
    built.have_been_built([Fault("staging.events_mapped", "it failed")])
    assert dbt.built_by == built.fingerprint


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("unique", {"column_name": "team_id"}, "No two rows share a team_id."),
        (
            "unique_combination",
            {"columns": ["date_on", "team_id"]},
            "No two rows share date_on, team_id, and none of these is empty.",
        ),
        (
            "relationships",
            {"column_name": "account_id", "to": "ref('dim_accounts')", "field": "account_id"},
            "Every account_id is found in dim_accounts.account_id, or empty.",
        ),
        ("accepted_values", {"column_name": "day", "values": [1, 2]}, "day is one of 1, 2, or empty."),
        ("one_of_another_package", {}, "The opening is the closing before."),
    ],
)
def test_every_data_test_says_what_it_asks_for(kind: str, given: dict[str, Any], said: str) -> None:
    test = {"name": "the_opening_is_the_closing_before", "test_metadata": {"name": kind, "kwargs": given}}
    assert _meaning(test) == said
    assert _meaning({**test, "description": "Money does not appear."}) == "Money does not appear."
