"""The build: models and engines, publication checks, data health, publication; one step, in this order, under
one lock.

Belongs here: the order, and what Dagster is told. Does not belong here: SQL, expectations, what may be
published (`gate.py`), files and pages (`publishing/`).

One step rather than four, for two reasons. A model that fails produces no output, and Dagster skips every
step
that depends on a missing output: the publication of all the others would never run. And raw must not grow
between
models and checks, or the reconciliation would compare two different moments: the lock is held throughout
both. An engine runs with the file closed, under the same lock: what is built before and after it tells of one
moment.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg

from expectations.check import Check
from expectations.runner import list_checks, run_suites
from ingestion.enrichment.engine import Engine
from ingestion.enrichment.running import make_engine_tables
from orchestration.assets.enrichment import EngineAssets
from orchestration.assets.models import Models
from orchestration.assets.published import PublishedFiles
from orchestration.checks.arrival import ARRIVAL_STEP, POOL
from orchestration.checks.suites import check_name, check_result, check_specs
from orchestration.gate import Fault, held_back
from orchestration.heartbeat import beat
from orchestration.outcomes import (
    Outcome,
    failed_arrivals,
    make_tables,
    record_outcomes,
    record_publication,
)
from orchestration.owners import DEFAULT_OWNER
from orchestration.progress import Progress, Report
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings
from orchestration.verdict import forget_verdict, read_verdict, write_verdict

CHECK_OUTCOMES_KEY = dg.AssetKey(["raw", "norte", "check_outcomes"])
PUBLICATIONS_KEY = dg.AssetKey(["raw", "norte", "publications"])


def build_assets(
    models: Models, engines: Sequence[Engine], sources: Sequence[str], settings: Settings, report: Report
) -> tuple[dg.AssetsDefinition, dg.AssetSpec]:
    """Everything from staging to the published files, and the log of publications.

    Arguments:
        engines: those that are on, in the order in which they run.
    """
    enrichment = [
        EngineAssets(engine, models, settings.pipelines_dir, settings.warehouse) for engine in engines
    ]
    *phases, data_health = models.phases(
        [sorted(set(engine.inputs.values())) for engine in engines], [engine.dataset for engine in engines]
    )
    made = [*models.asset_specs(), *(spec for engine in enrichment for spec in engine.asset_specs())]
    model_checks = [*models.check_specs(), *(engine.check_spec() for engine in enrichment)]
    keys = models.keys_by_table()
    listed = list_checks("marts", sources=sources)
    suite_specs = check_specs(listed, keys)
    suites = _Suites(listed, keys, models)
    files = PublishedFiles(models, settings)
    arriving = sorted({check.table for check in list_checks("raw", sources=sources)}) if sources else []
    to_make = {*(spec.key for spec in made), CHECK_OUTCOMES_KEY}
    to_check = {spec.key for spec in [*model_checks, *suite_specs]}

    @dg.multi_asset(
        name="build",
        specs=[*made, _outcomes_spec(models, made, settings), *files.asset_specs()],
        check_specs=[*model_checks, *suite_specs],
        can_subset=True,
        pool=POOL,
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        warehouse = warehouse_of(settings)
        now = settings.now_utc()
        log_place: dict[str, Any] = {"warehouse": warehouse, "pipelines_dir": settings.pipelines_dir}
        run_id = context.run.run_id
        assets = context.selected_asset_keys
        checks = context.selected_asset_check_keys
        builds = any(key.path[0] != "published" for key in assets)
        is_whole = set(assets) >= to_make and set(checks) >= to_check
        if (builds or checks) and not is_whole and files.are_selected(assets):
            raise dg.Failure(
                description="expected all models and checks, or published files alone; came a part of them. "
                "What to do: run the job as a whole, or build the part first and the whole later: what is "
                "published was checked as a whole",
                allow_retries=False,
            )

        def check(names: list[str]) -> Generator[dg.AssetCheckResult, None, list[Outcome]]:
            found = run_suites(
                "marts",
                warehouse,
                now=now,
                names=names,
                sources=sources,
                time_zone=settings.time_zone,
                own_email_domains=settings.own_email_domains,
                report=lambda done, total, outcome: report(Progress("checks", outcome.table, done, total)),
            )
            for outcome in found:
                key = keys.get(outcome.table)
                if key and dg.AssetCheckKey(key, check_name(outcome.suite, outcome.check)) in checks:
                    yield check_result(outcome, key, models.held_by)
            return [Outcome.of_suite("marts", outcome) for outcome in found]

        with warehouse.lock(who="the build"), models.session(now) as dbt:
            if builds:
                forget_verdict(settings.verdict_file)
            make_tables(**log_place)
            faults = failed_arrivals(run_id, warehouse)
            if _broke(ARRIVAL_STEP, context):
                faults += [Fault(table, "the checks at arrival could not run") for table in arriving]

            common: dict[str, Any] = {"warehouse": warehouse, "report": report}
            for engine in enrichment:
                make_engine_tables(engine.engine, **log_place)
            outcomes: list[Outcome] = []
            broken: list[Fault] = []
            built_count = 0
            for number, phase in enumerate(phases):
                unfit = [*broken, *_faults(outcomes)]
                modelled = yield from models.run(phase, assets, checks, dbt=dbt, faults=unfit, **common)
                outcomes += modelled.outcomes
                broken += modelled.faults
                built_count += modelled.built_count
                if number < len(enrichment):
                    unfit = [*faults, *broken, *_faults(outcomes)]
                    enriched = yield from enrichment[number].run(
                        assets, checks, unfit, now=now, time_zone=settings.time_zone, **common
                    )
                    outcomes += enriched.outcomes
                    broken += enriched.faults

            if is_whole:
                models.have_been_built(broken)
            if names := suites.before_data_health(checks):
                outcomes += yield from check(names)

            if CHECK_OUTCOMES_KEY in assets:
                record_outcomes(outcomes, run_id=run_id, now=now, **log_place)
                failing = sum(not outcome.passed for outcome in outcomes)
                yield dg.MaterializeResult(
                    asset_key=CHECK_OUTCOMES_KEY, metadata={"checks": len(outcomes), "failing": failing}
                )

            health = yield from models.run(data_health, assets, checks, dbt=dbt, **common)
            dbt.end()
            outcomes += health.outcomes
            broken += health.faults
            if names := suites.of_data_health(checks):
                outcomes += yield from check(names)

            faults += [*broken, *_faults(outcomes)]
            if is_whole:
                write_verdict(settings.verdict_file, held_back(models.manifest, faults))
            # Still under the lock: another build must not come between the verdict and the copy.
            publication = None
            if files.are_selected(assets):
                publication = files.publish(
                    warehouse, now=now, held_back=read_verdict(settings.verdict_file), report=report
                )
                record_publication(publication.log_rows, **log_place)

        if publication is not None:
            context.log_event(dg.AssetMaterialization(PUBLICATIONS_KEY))
            for result in publication.results:
                if result.asset_key in assets:
                    yield result
            for table, reason in publication.held_back.items():
                context.log.warning(f"held back: {table}: {reason}")
            report(
                Progress(
                    "publish",
                    result={
                        **publication.facts,
                        "models": built_count + health.built_count,
                        "checks": len(outcomes),
                        "failing_checks": [
                            f"{outcome.check} on {outcome.subject}"
                            for outcome in outcomes
                            if not outcome.passed
                        ],
                    },
                )
            )
        if broken:
            raise dg.Failure(
                description="Some tables could not be built; the rest is published. "
                + "; ".join(f"{fault.table}: {fault.reason}" for fault in broken),
                allow_retries=False,
            )
        if publication is not None:
            beat(settings, str(publication.facts["publication"]))

    publications = dg.AssetSpec(
        PUBLICATIONS_KEY,
        description="What each publication published, and which tables it held back.",
        group_name="raw_norte",
        owners=[DEFAULT_OWNER],
        kinds={"dlt", settings.warehouse},
    )
    return build, publications


class _Suites:
    """Which suites are asked for: those of tables built after the checks come after these tables."""

    def __init__(self, listed: Sequence[Check], keys: Mapping[str, dg.AssetKey], models: Models) -> None:
        self._by_suite: dict[str, set[dg.AssetCheckKey]] = {}
        self._after: set[str] = set()
        for check in listed:
            key = keys.get(check.table)
            if key is not None:
                check_key = dg.AssetCheckKey(key, check_name(check.suite, check.check))
                self._by_suite.setdefault(check.suite, set()).add(check_key)
                if models.is_after_checks(key):
                    self._after.add(check.suite)

    def before_data_health(self, selected: AbstractSet[dg.AssetCheckKey]) -> list[str]:
        """Suites on tables that data health reports on."""
        return sorted(
            name for name, keys in self._by_suite.items() if keys & selected and name not in self._after
        )

    def of_data_health(self, selected: AbstractSet[dg.AssetCheckKey]) -> list[str]:
        """Suites on data health itself."""
        return sorted(
            name for name, keys in self._by_suite.items() if keys & selected and name in self._after
        )


def _broke(step: str, context: dg.AssetExecutionContext) -> bool:
    """Whether the step has begun in this run and has not come to a good end; it may yet be tried again."""
    kinds = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS}
    records = context.instance.get_records_for_run(context.run.run_id, of_type=kinds).records
    events = [record.event_log_entry.dagster_event for record in records]
    seen = {event.event_type for event in events if event is not None and event.step_key == step}
    return seen == {dg.DagsterEventType.STEP_START}


def _faults(outcomes: Sequence[Outcome]) -> list[Fault]:
    return [fault for outcome in outcomes if (fault := outcome.as_fault()) is not None]


def _outcomes_spec(models: Models, made: Sequence[dg.AssetSpec], settings: Settings) -> dg.AssetSpec:
    return dg.AssetSpec(
        CHECK_OUTCOMES_KEY,
        deps=[spec.key for spec in made if not models.is_after_checks(spec.key)],
        description="How every check of every build ended.",
        group_name="raw_norte",
        owners=[DEFAULT_OWNER],
        kinds={"dlt", settings.warehouse},
        skippable=True,
    )
