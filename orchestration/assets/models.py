"""dbt's models as assets and its data tests as asset checks.

Belongs here: which nodes are assets and checks, running dbt for a selection of them, and reading its
results. Does not
belong here: names (`translators.py`), starting dbt (`resources/dbt.py`), what a failure holds back
(`gate.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from ingestion.warehouse import Warehouse
from orchestration.gate import AFTER_CHECKS, Fault, held_back, table_name, tables_concerned
from orchestration.outcomes import Outcome
from orchestration.progress import Progress, Report
from orchestration.resources.dbt import Dbt, DbtSession
from orchestration.translators import NorteTranslator, owner_of

_ASSET_TYPES = {"model", "seed", "snapshot"}
_BUILT = {"success", "no-op"}
_RESULT_EVENTS = {"LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult"}


@dataclass
class ModelRun:
    """What one invocation of dbt did.

    Arguments:
        outcomes: of its data tests.
        faults: tables that could not be built.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    built_count: int = 0


@dataclass(frozen=True)
class Phase:
    """What one invocation of dbt builds and tests.

    Arguments:
        stage: for the progress.
        nodes: dbt ids of models, seeds and snapshots.
        tests: dbt ids of the tests that can run once these are built, and could not before.
    """

    stage: str
    nodes: frozenset[str]
    tests: frozenset[str]


class Models:
    """The dbt project as Dagster sees it.

    Arguments:
        manifest: dbt's manifest, made with the settings of this company; with the engines' edges.
        dbt: dbt with these settings.
    """

    def __init__(self, manifest: Mapping[str, Any], dbt: Dbt) -> None:
        self.manifest = manifest
        self._dbt = dbt
        self._translator = NorteTranslator()

    @property
    def manifest_path(self) -> Path:
        """Where the manifest lies."""
        return self._dbt.manifest_path

    @cached_property
    def nodes(self) -> dict[str, Mapping[str, Any]]:
        """Everything that dbt builds, by dbt id."""
        return {
            unique_id: node
            for unique_id, node in self.manifest["nodes"].items()
            if node["resource_type"] in _ASSET_TYPES and node["config"].get("materialized") != "ephemeral"
        }

    @cached_property
    def keys(self) -> dict[str, dg.AssetKey]:
        """dbt id to asset key."""
        return {unique_id: self._spec(unique_id).key for unique_id in self.nodes}

    @cached_property
    def tests(self) -> dict[str, dg.AssetCheckKey]:
        """dbt id of a data test to the asset check that it is."""
        found = {}
        for unique_id, node in self.manifest["nodes"].items():
            if node["resource_type"] == "test":
                model = self._tested_node(node)
                if model is not None:
                    found[unique_id] = dg.AssetCheckKey(self.keys[model], _check_name(node))
        return found

    def keys_by_table(self) -> dict[str, dg.AssetKey]:
        """`<schema>.<table>` to asset key."""
        return {table_name(node): self.keys[unique_id] for unique_id, node in self.nodes.items()}

    def held_by(self, table: str) -> list[str]:
        """The public tables that a failing `block` on the table holds back."""
        return list(held_back(self.manifest, [Fault(table, "")]))

    def asset_specs(self) -> list[dg.AssetSpec]:
        """One asset per model, seed and snapshot."""
        return [self._spec(unique_id) for unique_id in self.nodes]

    def check_specs(self) -> list[dg.AssetCheckSpec]:
        """One asset check per data test."""
        specs = []
        for unique_id, key in self.tests.items():
            node = self.manifest["nodes"][unique_id]
            specs.append(
                dg.AssetCheckSpec(
                    name=key.name,
                    asset=key.asset_key,
                    description=_meaning(node),
                    metadata={
                        "owner": owner_of(self.manifest["nodes"][self._tested_node(node)]),
                        "severity": _severity(node),
                        "suite": "dbt",
                    },
                )
            )
        return specs

    def is_after_checks(self, key: dg.AssetKey) -> bool:
        """Whether the asset tells the outcome of the checks, and so comes after them."""
        return any(
            AFTER_CHECKS in node["tags"] and self.keys[unique_id] == key
            for unique_id, node in self.nodes.items()
        )

    @cached_property
    def fingerprint(self) -> str:
        """Of all that decides what lies in the models that grow: their code, our macros, the company's days.

        When it is another than that of the build before, they are made anew from raw, which forgets nothing:
        an upgrade must leave no rows behind that the code of today would not make.
        """
        digest = hashlib.sha256(str(self._dbt.variables.get("company_time_zone")).encode())
        for unique_id in sorted(self._growing):
            digest.update(self.nodes[unique_id]["raw_code"].encode())
        for _, macro in sorted(self.manifest["macros"].items()):
            if macro["package_name"] == self.manifest["metadata"]["project_name"]:
                digest.update(macro["macro_sql"].encode())
        return digest.hexdigest()

    def have_been_built(self, faults: Sequence[Fault]) -> None:
        """Notes that a build of all models came to its end, if those that grow are among what it built."""
        if not {table_name(self.nodes[uid]) for uid in self._growing} & {fault.table for fault in faults}:
            self._dbt.note_built_by(self.fingerprint)

    @cached_property
    def _growing(self) -> set[str]:
        return {uid for uid, node in self.nodes.items() if node["config"]["materialized"] == "incremental"}

    def phases(self, inputs: Sequence[Collection[str]], fills: Sequence[str] = ()) -> list[Phase]:
        """The invocations of a build: one before each engine, one for the rest, one for data health.

        What a later engine reads is built as soon as it waits for no engine any more: an invocation takes
        seconds, and one that has nothing left to build is not started.

        Arguments:
            inputs: of each engine in the order in which they run, the relations that it reads.
            fills: of each engine the schema of its results; unless given, each waits for all before it.
        """
        ids = {table_name(node): unique_id for unique_id, node in self.nodes.items()}
        late = {uid for uid, node in self.nodes.items() if AFTER_CHECKS in node["tags"]}
        done: set[str] = set()
        groups = []
        for number, relations in enumerate(inputs):
            needed = self._with_ancestors(ids[relation] for relation in relations) - done
            for later in inputs[number + 1 :] if fills else ():
                roots = [ids[relation] for relation in later]
                if not self._schemas_read(roots) & set(fills[number:]):
                    needed |= self._with_ancestors(roots) - done
            groups.append(("models", needed))
            done |= needed
        groups += [("models", set(self.nodes) - done - late), ("data_health", late)]
        position = {uid: number for number, (_, nodes) in enumerate(groups) for uid in nodes}
        tests: dict[int, set[str]] = {}
        for unique_id in self.tests:
            parents = self.manifest["nodes"][unique_id]["depends_on"]["nodes"]
            last = max(position[uid] for uid in parents if uid in position)
            tests.setdefault(last, set()).add(unique_id)
        return [
            Phase(stage, frozenset(nodes), frozenset(tests.get(number, ())))
            for number, (stage, nodes) in enumerate(groups)
        ]

    def session(self, now: datetime) -> AbstractContextManager[DbtSession]:
        """dbt for one build."""
        return self._dbt.session(now)

    def run(
        self,
        phase: Phase,
        assets: AbstractSet[dg.AssetKey],
        checks: AbstractSet[dg.AssetCheckKey],
        *,
        dbt: DbtSession,
        faults: Sequence[Fault] = (),
        warehouse: Warehouse,
        report: Report,
    ) -> Generator[Any, None, ModelRun]:
        """Builds and tests what is selected of a phase, as one invocation; yields Dagster's results.

        Arguments:
            dbt: of this build (`session`).
            faults: what earlier phases could not build: as within one invocation, nothing is built on it.

        Raises:
            dagster.Failure: dbt broke before it had any results.
        """
        wanted = {uid for uid in phase.nodes if self.keys[uid] in assets}
        wanted_tests = {uid for uid in phase.tests if self.tests[uid] in checks}
        if not wanted and not wanted_tests:
            return ModelRun()

        unfit = tables_concerned(self.manifest, faults)
        blocked = {uid for uid, node in self.nodes.items() if table_name(node) in unfit}
        buildable = wanted - blocked
        testable = {
            uid
            for uid in wanted_tests
            if not blocked & set(self.manifest["nodes"][uid]["depends_on"]["nodes"])
        }
        if not buildable and not testable:
            return (yield from self._read({}, wanted, assets, checks, {}))
        selection = self._selection(buildable | testable)
        anew = [] if self._dbt.built_by == self.fingerprint else ["--full-refresh"]
        arguments = ["build", "--exclude-resource-type", "unit_test", *anew, *selection]

        with warehouse.lock(who="dbt"):
            done = 0
            results: dict[str, Mapping[str, Any]] = {}
            problems: list[str] = []
            for event in dbt.run(arguments):
                if "results" in event:
                    results = {result["unique_id"]: result for result in event["results"]}
                elif "problem" in event:
                    problems.append(event["problem"])
                elif event.get("info", {}).get("name") in _RESULT_EVENTS:
                    done += 1
                    name = event["data"]["node_info"]["node_name"]
                    report(Progress(phase.stage, name, done, len(buildable) + len(testable)))
            # A warehouse that cannot be opened says so itself, and better than dbt.
            rows = _row_counts(warehouse)
            if not results:
                raise dg.Failure(
                    description="dbt ended without results: " + "; ".join(problems or ["it said nothing"])
                )
        return (yield from self._read(results, wanted, assets, checks, rows))

    def _read(
        self,
        results: Mapping[str, Mapping[str, Any]],
        wanted: AbstractSet[str],
        assets: AbstractSet[dg.AssetKey],
        checks: AbstractSet[dg.AssetCheckKey],
        rows: Mapping[str, int],
    ) -> Generator[Any, None, ModelRun]:
        run = ModelRun()
        log = dg.get_dagster_logger()
        skipped = []
        # dbt lists results as they ended, parents before children, which is the order that Dagster asks for.
        for unique_id in [*(uid for uid in results if uid in wanted), *sorted(wanted - set(results))]:
            result = results.get(unique_id)
            table = table_name(self.nodes[unique_id])
            status = result["status"] if result else "skipped"
            if result and status in _BUILT:
                run.built_count += 1
                yield dg.MaterializeResult(
                    asset_key=self.keys[unique_id], metadata=_metadata(result, rows.get(table))
                )
            elif result and status == "error":
                # dbt's message may quote a value; it belongs in the log of the run, not on a page.
                log.error(f"{table} could not be built: {result.get('message')}")
                run.faults.append(Fault(table, "the model could not be built"))
            else:
                skipped.append(Fault(table, "it was not built, because something upstream failed"))
        for unique_id, key in self.tests.items():
            result = results.get(unique_id)
            if result is None or result["status"] == "skipped":
                continue
            outcome = self._outcome(unique_id, result)
            run.outcomes.append(outcome)
            if result["status"] == "error":
                log.error(f"the test {outcome.check} could not run: {result.get('message')}")
            if key in checks:
                yield _check_result(key, outcome, result, self.held_by)
        run.faults += skipped
        return run

    def _outcome(self, unique_id: str, result: Mapping[str, Any]) -> Outcome:
        node = self.manifest["nodes"][unique_id]
        tested = self.manifest["nodes"][self._tested_node(node)]
        passed = result["status"] == "pass"
        failures = int(result.get("failures") or 0)
        could_not = "the test could not run; the run's log says why"
        return Outcome(
            layer="dbt",
            suite="dbt",
            check=node["name"],
            subject=table_name(tested),
            severity="warn" if result["status"] == "warn" else _severity(node),
            owner=owner_of(tested),
            passed=passed,
            failed_count=failures,
            message="" if passed else could_not if result["status"] == "error" else f"{failures} rows fail",
            why=_meaning(node),
        )

    def _spec(self, unique_id: str) -> dg.AssetSpec:
        return self._translator.get_asset_spec(self.manifest, unique_id, None)

    def _tested_node(self, test: Mapping[str, Any]) -> Any:
        """The model that a test vouches for: as dbt says; of several, a mart before others."""
        attached = test.get("attached_node")
        if attached in self.nodes:
            return attached
        candidates = [uid for uid in test["depends_on"]["nodes"] if uid in self.nodes]
        marts = [uid for uid in candidates if self.nodes[uid]["fqn"][1] == "marts"]
        return (marts or candidates or [None])[0]

    def _schemas_read(self, unique_ids: Iterable[str]) -> set[str]:
        """The schemas of all sources that these nodes are built on."""
        nodes = self._with_ancestors(unique_ids)
        parents = {parent for uid in nodes for parent in self.manifest["parent_map"].get(uid, [])}
        sources = self.manifest["sources"]
        return {sources[parent]["schema"] for parent in parents if parent in sources}

    def _with_ancestors(self, unique_ids: Iterable[str]) -> set[str]:
        """These nodes and all that they are built on, through engines too."""
        found: set[str] = set()
        queue = list(unique_ids)
        seen = set(queue)
        while queue:
            unique_id = queue.pop()
            if unique_id in self.nodes:
                found.add(unique_id)
            parents = [uid for uid in self.manifest["parent_map"].get(unique_id, []) if uid not in seen]
            seen.update(parents)
            queue += parents
        return found

    def _selection(self, unique_ids: AbstractSet[str]) -> list[str]:
        """dbt's arguments for exactly these nodes and tests."""
        names = sorted(".".join(self.manifest["nodes"][uid]["fqn"]) for uid in unique_ids)
        return ["--indirect-selection", "empty", "--select", " ".join(names)]


def _check_name(node: Mapping[str, Any]) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", node["name"])


def _meaning(test: Mapping[str, Any]) -> str:
    """What a data test asks for: its description, else said from its kind; a test in SQL is named so."""
    if test.get("description"):
        return str(test["description"])
    about = test.get("test_metadata") or {}
    given = about.get("kwargs") or {}
    column = given.get("column_name")
    if about.get("name") == "unique":
        return f"No two rows share a {column}."
    if about.get("name") == "unique_combination":
        return f"No two rows share {', '.join(given['columns'])}, and none of these is empty."
    if about.get("name") == "not_null":
        return f"Every row has a {column}."
    if about.get("name") == "accepted_values":
        return f"{column} is one of {', '.join(str(value) for value in given['values'])}, or empty."
    if about.get("name") == "relationships":
        table = re.sub(r"^ref\(['\"](.*)['\"]\)$", r"\1", str(given["to"]))
        return f"Every {column} is found in {table}.{given['field']}, or empty."
    return f"{test['name'].replace('_', ' ').capitalize()}."


def _severity(node: Mapping[str, Any]) -> Any:
    return "warn" if str(node["config"].get("severity", "error")).lower() == "warn" else "block"


def _check_result(
    key: dg.AssetCheckKey, outcome: Outcome, result: Mapping[str, Any], held_by: Callable[[str], list[str]]
) -> dg.AssetCheckResult:
    blocks = outcome.severity == "block"
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=outcome.why or None,
        metadata={
            "failed_rows": outcome.failed_count,
            "owner": outcome.owner,
            "severity": outcome.severity,
            "status": result["status"],
            "holds_back": held_by(outcome.subject) if blocks and not outcome.passed else [],
            "seconds": round(float(result.get("execution_time") or 0), 3),
        },
    )


def _metadata(result: Mapping[str, Any], rows: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"seconds": round(float(result.get("execution_time") or 0), 3)}
    if rows is not None:
        found["dagster/row_count"] = rows
    return found


def _row_counts(warehouse: Warehouse) -> dict[str, int]:
    """`<schema>.<table>` to rows, from the catalogue: no table is read."""
    with warehouse.open(who="row counts") as session:
        return session.row_counts()
