"""Engines stand between dbt's models: in lineage, in the order of the build, in what a fault holds back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from ingestion.enrichment.engine import Engine, EngineContext, ResultTable
from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.assets.enrichment import EngineAssets, EngineMisplaced, EngineRun, engines_on, with_engines
from orchestration.assets.models import Models
from orchestration.gate import Fault, held_back, tables_concerned
from orchestration.resources.dbt import Dbt

RESULT = "source.norte.enrichment_labels.labels"
ENGINE = Engine(
    name="labels",
    owner="team:labels",
    inputs={"texts": "intermediate.texts"},
    results={"labels": ResultTable(key=("id",), columns={"id": "text"}, description="One row per text.")},
    run=lambda frames, context: {},
)


def node(name: str, layer: str, kind: str = "model", tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "resource_type": kind,
        "unique_id": f"{kind}.norte.{name}",
        "name": name,
        "alias": name,
        "schema": "insight" if layer == "marts" else layer,
        "fqn": ["norte", layer, "x", name],
        "tags": list(tags),
        "config": {"materialized": "table"},
        "depends_on": {"nodes": []},
    }


def manifest() -> dict[str, Any]:
    source = {"resource_type": "source", "source_name": "enrichment_labels", "name": "labels"}
    edges = {
        "model.norte.stg": ["model.norte.texts", "model.norte.other"],
        "model.norte.texts": ["model.norte.fct_texts"],
        RESULT: ["model.norte.stg_labels"],
        "model.norte.stg_labels": ["model.norte.fct_labels"],
        "model.norte.fct_labels": ["model.norte.health"],
    }
    nodes = [
        node("stg", "staging"),
        node("texts", "intermediate"),
        node("fct_texts", "marts"),
        node("stg_labels", "staging"),
        node("fct_labels", "marts"),
        node("other", "marts"),
        node("health", "marts", tags=("after_checks",)),
    ]
    tests = {
        "test.norte.texts_are_unique": ["model.norte.texts"],
        "test.norte.labels_have_texts": ["model.norte.fct_labels", "model.norte.texts"],
        "test.norte.health_is_known": ["model.norte.health", "model.norte.texts"],
    }
    found = {each["unique_id"]: each for each in nodes}
    for unique_id, read in tests.items():
        test = node(unique_id.rpartition(".")[2], "marts", kind="test")
        found[unique_id] = {**test, "depends_on": {"nodes": read}, "attached_node": read[0]}
        for parent in read:
            edges.setdefault(parent, []).append(unique_id)
    parents: dict[str, list[str]] = {}
    for parent, children in edges.items():
        for child in children:
            parents.setdefault(child, []).append(parent)
    return {
        "nodes": found,
        "sources": {RESULT: {**source, "schema": "enrichment_labels", "identifier": "labels"}},
        "child_map": edges,
        "parent_map": parents,
        "metadata": {"adapter_type": "duckdb"},
    }


def names(unique_ids: frozenset[str]) -> set[str]:
    return {unique_id.rpartition(".")[2] for unique_id in unique_ids}


def test_dbt_is_started_once_before_the_engine_once_after_and_once_for_data_health() -> None:
    models = Models(with_engines(manifest(), [ENGINE]), Dbt(Path("w"), Path("f"), {}))
    before, after, health = models.phases([["intermediate.texts"]])
    assert names(before.nodes) == {"stg", "texts"}
    assert names(after.nodes) == {"fct_texts", "stg_labels", "fct_labels", "other"}
    assert names(health.nodes) == {"health"}
    assert names(before.tests) == {"texts_are_unique"}
    assert names(after.tests) == {"labels_have_texts"}
    assert names(health.tests) == {"health_is_known"}


def test_without_an_engine_dbt_is_started_as_before() -> None:
    models = Models(manifest(), Dbt(Path("w"), Path("f"), {}))
    everything, _ = models.phases([])
    assert len(everything.nodes) == 6


def test_what_an_engine_reads_holds_back_what_is_built_on_its_results() -> None:
    joined = with_engines(manifest(), [ENGINE])
    assert set(held_back(joined, [Fault("staging.stg", "it failed")])) == {
        "insight.fct_texts",
        "insight.fct_labels",
        "insight.other",
    }
    assert "enrichment_labels.labels" in tables_concerned(joined, [Fault("intermediate.texts", "it failed")])


def test_a_failed_engine_holds_back_what_is_built_on_its_results_and_nothing_else() -> None:
    joined = with_engines(manifest(), [ENGINE])
    assert held_back(joined, [Fault("enrichment_labels.labels", "it broke")]) == {
        "insight.fct_labels": "it is built on enrichment_labels.labels: it broke"
    }


def test_an_engine_without_any_input_is_off_and_one_with_a_part_of_them_is_refused() -> None:
    off = replace(ENGINE, inputs={"texts": "intermediate.gone"})
    half = replace(ENGINE, inputs={**ENGINE.inputs, "more": "intermediate.gone"})
    assert engines_on([ENGINE, off], manifest()) == [ENGINE]
    with pytest.raises(EngineMisplaced, match=r"intermediate\.gone"):
        engines_on([half], manifest())


def test_a_source_that_the_engine_does_not_fill_is_refused() -> None:
    content = manifest()
    content["sources"][RESULT]["name"] = "letters"
    content["sources"][RESULT]["identifier"] = "letters"
    with pytest.raises(EngineMisplaced, match="letters"):
        with_engines(content, [ENGINE])


def first_letters(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, pd.DataFrame]:
    texts = frames["texts"].to_pandas()
    if texts["text"].eq("").any():
        raise ValueError(f"no letter in the text of ana@example.com, row {texts['text'].tolist()}")
    return {"labels": pd.DataFrame({"id": texts["text"].str[0]})}


def test_an_engine_that_raises_keeps_what_it_said_holds_back_its_marts_and_is_well_the_next_time(
    tmp_path: Path,
) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")

    def holding(text: str) -> None:
        with warehouse.connect() as connection:
            connection.execute("create schema if not exists intermediate")
            connection.execute("create or replace table intermediate.texts as select ? as text", [text])

    def labels() -> list[tuple[Any, ...]]:
        with warehouse.connect() as connection:
            return connection.execute(
                "select id from enrichment_labels.labels where not _is_deleted order by id"
            ).fetchall()

    engine = replace(ENGINE, run=first_letters)
    models = Models(with_engines(manifest(), [engine]), Dbt(Path("w"), Path("f"), {}))
    one = EngineAssets(engine, models, tmp_path / "dlt", "duckdb")
    days = iter(datetime(2026, 3, day, 6, tzinfo=UTC) for day in range(1, 9))
    found: list[EngineRun] = []

    @dg.multi_asset(
        specs=[spec.replace_attributes(deps=[]) for spec in one.asset_specs()], check_specs=[one.check_spec()]
    )
    def build() -> Any:
        found.append(
            (
                yield from one.run(
                    {spec.key for spec in one.asset_specs()},
                    {one.check_key},
                    [],
                    warehouse=warehouse,
                    now=next(days),
                    report=lambda progress: None,
                )
            )
        )

    def run() -> tuple[set[str], dg.AssetCheckEvaluation]:
        done = dg.materialize([build])
        # The build goes on with all else.
        assert done.success
        made = {event.asset_key.path[-1] for event in done.asset_materializations_for_node("build")}
        return made, done.get_asset_check_evaluations()[0]

    holding("abc")
    made, check = run()
    assert made == {"labels", "runs"} and check.passed and found[-1].faults == []
    assert labels() == [("a",)]

    holding("")
    made, check = run()
    assert made == set() and not check.passed
    assert check.metadata["holds_back"].value == ["insight.fct_labels"]
    # Readers are told that it failed and what to do, not what was in the data.
    assert check.description == "the labels engine failed; the run's log says why"
    assert "norte run --build" in str(check.metadata["remedy"].value)
    assert {fault.table for fault in found[-1].faults} == {
        "enrichment_labels.labels",
        "enrichment_labels.runs",
    }
    assert not any("ana@" in fault.reason for fault in found[-1].faults)
    assert labels() == [("a",)]

    holding("bcd")
    made, check = run()
    assert made == {"labels", "runs"} and check.passed and found[-1].faults == []
    assert ("b",) in labels()
