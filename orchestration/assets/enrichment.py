"""The engines as assets: where they stand between dbt's models, and running them.

Belongs here: which engines are on, their assets, the edges that they add to the lineage, and what becomes of
one that fails. Does not belong here: an engine, and how its rows are loaded (`ingestion/enrichment/`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from ingestion.enrichment.engine import Engine
from ingestion.enrichment.running import RUNS_TABLE, EngineFailed, TableSummary, run_engine
from ingestion.warehouse import Warehouse
from orchestration.assets.models import Models
from orchestration.gate import Fault, held_back, table_name, tables_concerned
from orchestration.outcomes import Outcome
from orchestration.owners import as_owner
from orchestration.progress import Progress, Report
from orchestration.translators import group_name

CHECK_NAME = "the_engine_came_to_its_end"


class EngineMisplaced(ValueError):  # noqa: N818 (reads as what happened)
    """An engine's inputs or results do not fit the dbt project."""


@dataclass
class EngineRun:
    """What a run of an engine came to."""

    outcomes: list[Outcome] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def engines_on(engines: Sequence[Engine], manifest: Mapping[str, Any]) -> list[Engine]:
    """Those whose input relations dbt builds; an engine is off when none of its inputs is there.

    Raises EngineMisplaced when a part of them is there: a wrong name, or a model that is off by mistake.
    """
    built = {
        table_name(node) for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")
    }
    found = []
    for engine in engines:
        missing = sorted(relation for relation in engine.inputs.values() if relation not in built)
        if missing and len(missing) < len(set(engine.inputs.values())):
            raise EngineMisplaced(
                f"{engine.name}: expected dbt to build all inputs of the engine or none; {', '.join(missing)}"
                " missing. What to do: correct the names in its `pipeline.py`, or switch its models alike"
            )
        if not missing:
            found.append(engine)
    return found


def with_engines(manifest: Mapping[str, Any], engines: Sequence[Engine]) -> dict[str, Any]:
    """The manifest with the edges that dbt does not know: from an engine's inputs to the sources it fills."""
    ids = {table_name(node): unique_id for unique_id, node in manifest["nodes"].items()}
    children = {unique_id: list(found) for unique_id, found in manifest["child_map"].items()}
    parents = {unique_id: list(found) for unique_id, found in manifest["parent_map"].items()}
    for engine in engines:
        inputs = sorted({ids[relation] for relation in engine.inputs.values()})
        for source in _sources(manifest, engine):
            parents[source] = [*parents.get(source, []), *inputs]
            for unique_id in inputs:
                children.setdefault(unique_id, []).append(source)
    return {**manifest, "child_map": children, "parent_map": parents}


def result_key(engine: Engine, table: str) -> dg.AssetKey:
    """The asset of one of its tables."""
    return dg.AssetKey(["enrichment", engine.name, table])


class EngineAssets:
    """One engine between the models of a company.

    Arguments:
        models: the dbt project, its manifest with the engines' edges.
    """

    def __init__(self, engine: Engine, models: Models, pipelines_dir: Path, kind: str) -> None:
        self.engine = engine
        self._models = models
        self._pipelines_dir = pipelines_dir
        self._kind = kind
        keys = models.keys_by_table()
        self._inputs = sorted({keys[relation] for relation in engine.inputs.values()})

    @property
    def tables(self) -> list[str]:
        """Its tables with their dataset."""
        return [f"{self.engine.dataset}.{name}" for name in (*self.engine.results, RUNS_TABLE)]

    @property
    def check_key(self) -> dg.AssetCheckKey:
        """Whether it came to its end."""
        return dg.AssetCheckKey(result_key(self.engine, RUNS_TABLE), CHECK_NAME)

    def asset_specs(self) -> list[dg.AssetSpec]:
        """One asset per result table, and the log of the engine's runs."""
        described = {name: result.description for name, result in self.engine.results.items()}
        described[RUNS_TABLE] = "One row per result table and run of the engine: rows told, appended, gone."
        specs = []
        for name, description in described.items():
            key = result_key(self.engine, name)
            specs.append(
                dg.AssetSpec(
                    key,
                    deps=self._inputs,
                    description=description,
                    group_name=group_name(key),
                    owners=[as_owner(self.engine.owner)],
                    kinds={"python", "dlt", self._kind},
                    metadata={"dagster/table_name": f"{self.engine.dataset}.{name}"},
                    skippable=True,
                )
            )
        return specs

    def check_spec(self) -> dg.AssetCheckSpec:
        """The check that its failure shows in: alerts go to the engine's owner."""
        return dg.AssetCheckSpec(
            name=self.check_key.name,
            asset=self.check_key.asset_key,
            description=self._why,
            metadata={
                "owner": as_owner(self.engine.owner),
                "severity": "block",
                "suite": "enrichment",
                "remedy": self._remedy,
            },
        )

    def run(
        self,
        assets: AbstractSet[dg.AssetKey],
        checks: AbstractSet[dg.AssetCheckKey],
        faults: Sequence[Fault],
        *,
        warehouse: Warehouse,
        now: datetime,
        time_zone: str = "UTC",
        report: Report,
    ) -> Generator[Any, None, EngineRun]:
        """Runs the engine if one of its tables is asked for; yields Dagster's results.

        It never runs on inputs that do not hold: what it says may be kept for good. When it does not run, or
        fails, its earlier results stand, and what is downstream of them keeps its last published state.

        Arguments:
            faults: what is known to be unfit so far.
        """
        found = EngineRun()
        if not any(spec.key in assets for spec in self.asset_specs()):
            return found
        stage = f"{self.engine.name}_engine"
        problem = self._unfit_input(faults)
        summaries: dict[str, TableSummary] = {}
        notes: list[str] = []
        if problem is None:
            report(Progress("models", stage))
            try:
                summaries = run_engine(
                    self.engine,
                    warehouse=warehouse,
                    pipelines_dir=self._pipelines_dir,
                    now=now,
                    time_zone=time_zone,
                    report=lambda what, done, total: report(Progress("models", f"{stage}: {what}")),
                    note=notes.append,
                )
            except EngineFailed as error:
                # Its message may quote a value; it belongs in the log of the run, not on a page.
                dg.get_dagster_logger().exception(str(error))
                problem = f"the {self.engine.name} engine failed; the run's log says why"
        for name in (*self.engine.results, RUNS_TABLE):
            key = result_key(self.engine, name)
            if problem is None and key in assets:
                yield dg.MaterializeResult(asset_key=key, metadata=_metadata(summaries.get(name), notes))
        if problem is not None:
            found.faults = [Fault(table, problem) for table in self.tables]
        outcome = self._outcome(problem)
        found.outcomes.append(outcome)
        if self.check_key in checks:
            yield self._check_result(outcome)
        return found

    def _unfit_input(self, faults: Iterable[Fault]) -> str | None:
        concerned = tables_concerned(self._models.manifest, faults)
        for relation in sorted(set(self.engine.inputs.values())):
            if relation in concerned:
                return f"the {self.engine.name} engine was not run, since its input {relation} does not hold"
        return None

    @property
    def _why(self) -> str:
        return f"The {self.engine.name} engine ran on inputs that hold, and came to its end."

    @property
    def _remedy(self) -> str:
        return (
            f"Read what the {self.engine.name} engine says in the run's log and mend its input or its "
            "settings, then `norte run --build`. Until then its earlier results stand."
        )

    def _outcome(self, problem: str | None) -> Outcome:
        return Outcome(
            layer="enrichment",
            suite="enrichment",
            check=CHECK_NAME,
            subject=f"{self.engine.dataset}.{RUNS_TABLE}",
            severity="block",
            owner=as_owner(self.engine.owner),
            passed=problem is None,
            message=problem or "",
            why=self._why,
            remedy=self._remedy,
        )

    def _check_result(self, outcome: Outcome) -> dg.AssetCheckResult:
        faults = [Fault(table, "") for table in self.tables]
        return dg.AssetCheckResult(
            asset_key=self.check_key.asset_key,
            check_name=self.check_key.name,
            passed=outcome.passed,
            severity=dg.AssetCheckSeverity.ERROR,
            description=outcome.message or outcome.why,
            metadata={
                "owner": outcome.owner,
                "severity": outcome.severity,
                "why": outcome.message or outcome.why,
                "remedy": outcome.remedy,
                "holds_back": [] if outcome.passed else list(held_back(self._models.manifest, faults)),
            },
        )


def _metadata(summary: TableSummary | None, notes: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"notes": "\n".join(notes)} if notes else {}
    if summary is not None:
        found |= {"rows": summary.rows, "appended": summary.appended, "gone": summary.deleted}
    return found


def _sources(manifest: Mapping[str, Any], engine: Engine) -> list[str]:
    """dbt's ids of the sources that the engine fills; raises EngineMisplaced for any other."""
    found = []
    for unique_id, node in manifest["sources"].items():
        if node["schema"] != engine.dataset:
            continue
        if node["name"] not in (*engine.results, RUNS_TABLE):
            raise EngineMisplaced(
                f"{table_name(node)}: expected a table of the {engine.name} engine; it has "
                f"{', '.join(engine.results)}. What to do: correct the source, or the engine's results"
            )
        found.append(unique_id)
    return found
