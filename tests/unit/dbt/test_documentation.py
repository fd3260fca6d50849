"""What a table means is written where it is defined, and personal data is marked where it enters."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[3] / "dbt_project"
PERSONAL = re.compile(
    r"^(email|first_name|last_name|user_name|person_name|display_name|phone|job_title|body|subject|summary"
    r"|description|loss_reason_text|text)$"
)
SELECTED = re.compile(r"^        (?:[^\n]* as )?(\w+),$", re.MULTILINE)


@cache
def _described() -> dict[str, dict[str, Any]]:
    found = {}
    for path in (PROJECT / "models").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            found[model["name"]] = model
    return found


def _files(folder: str) -> set[str]:
    return {path.stem for path in (PROJECT / "models" / folder).rglob("*.sql")}


def _models(folder: str) -> dict[str, dict[str, Any]]:
    """What lies in a folder, with its description: a vendor describes its mappings beside its staging."""
    return {name: model for name, model in _described().items() if name in _files(folder)}


@pytest.mark.parametrize("folder", ["staging", "intermediate", "marts"])
def test_every_model_says_its_grain_first(folder: str) -> None:
    described = _models(folder)
    assert _files(folder) == set(described)
    vague = [name for name, model in described.items() if not model["description"].startswith("One row per ")]
    assert not vague


def test_nothing_is_described_that_is_not_there() -> None:
    assert set(_described()) <= _files(".")


def test_every_mart_column_has_a_meaning_and_a_contract_type() -> None:
    types = {"text", "bigint", "double", "numeric(28,6)", "boolean", "date", "timestamp"}
    wrong = [
        f"{name}.{column['name']}"
        for name, model in _models("marts").items()
        for column in model["columns"]
        if not column.get("description") or column.get("data_type") not in types
    ]
    assert not wrong


def test_every_metric_points_to_a_decision_and_a_table_that_exist() -> None:
    decisions = set(
        re.findall(r"^## (\w+)$", (PROJECT / "DECISIONS.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    tables = set(_models("marts"))
    with (PROJECT / "seeds" / "reference" / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        metrics = list(csv.DictReader(lines))
    columns = {
        name: {column["name"] for column in model["columns"]} for name, model in _models("marts").items()
    }
    assert len(metrics) >= 13
    for metric in metrics:
        assert metric["decision_ref"] in decisions, metric["metric_id"]
        assert metric["source_table"] in tables, metric["metric_id"]
        assert metric["source_column"] in columns[metric["source_table"]], metric["metric_id"]
        assert all(metric.values()), f"{metric['metric_id']} leaves a field empty"


def test_every_metric_exists_in_the_semantic_layer_and_every_name_there_is_described() -> None:
    files = [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (PROJECT / "models" / "semantic").glob("*.yml")
    ]
    metrics = {metric["name"]: metric for file in files for metric in file.get("metrics", [])}
    with (PROJECT / "seeds" / "reference" / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        linked = {metric["semantic_metric"] for metric in csv.DictReader(lines)}
    assert linked <= set(metrics)
    assert all(metric.get("description") and metric.get("label") for metric in metrics.values())
    models = [model for file in files for model in file.get("semantic_models", [])]
    for model in models:
        named = [*model.get("dimensions", []), *model.get("measures", [])]
        assert all(part.get("description") for part in [model, *named]), model["name"]
    assert all(query.get("description") for file in files for query in file.get("saved_queries", []))


def test_the_daily_table_holds_exactly_the_metrics_that_are_defined_as_daily() -> None:
    sql = (PROJECT / "models" / "marts" / "metric" / "mart_metric__daily.sql").read_text(encoding="utf-8")
    computed = set(re.findall(r"^        \(\s*'(\w+)',", sql, re.MULTILINE))
    with (PROJECT / "seeds" / "reference" / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        daily = {metric["metric_id"] for metric in csv.DictReader(lines) if metric["period"] == "day"}
    assert computed == daily


def test_a_decision_is_five_lines() -> None:
    text = (PROJECT / "DECISIONS.md").read_text(encoding="utf-8")
    for entry in text.split("\n## ")[1:]:
        name, *lines = [line for line in entry.splitlines() if line]
        heads = [re.match(r"- \*\*(\w+)\*\*: ", line) for line in lines if line.startswith("- ")]
        kinds = [head.group(1) for head in heads if head]
        assert kinds[:4] == ["Question", "Choice", "Alternative", "Consequence"], name


def test_personal_columns_are_marked_in_staging_and_in_no_mart() -> None:
    marked = {
        (name, column["name"])
        for name, model in _models("staging").items()
        for column in model.get("columns", [])
        if column.get("config", {}).get("meta", {}).get("contains_pii")
    }
    selected = {
        (path.stem, column)
        for path in (PROJECT / "models" / "staging").rglob("stg_*.sql")
        if path.parent.name != "governance"  # people named there are the company's own
        for column in SELECTED.findall(path.read_text(encoding="utf-8"))
        if PERSONAL.match(column)
    }
    assert selected <= marked, f"not marked with meta.contains_pii: {sorted(selected - marked)}"
    published = {
        f"{name}.{column['name']}"
        for name, model in _models("marts").items()
        for column in model["columns"]
        if PERSONAL.match(column["name"])
    }
    # The name of a table.
    assert published <= {"mart_governance__data_health.subject"}
