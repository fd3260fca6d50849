"""The arrival contracts, as one step before the models are built.

Belongs here: running the raw suites of the sources that are on. Does not belong here: deciding what a
failure holds back (`gate.py`).
"""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from expectations.runner import list_checks, run_suites
from ingestion.registry import enabled
from orchestration.assets.ingestion import raw_key
from orchestration.checks.suites import check_name, check_result, check_specs
from orchestration.outcomes import Outcome, make_tables, record_outcomes
from orchestration.progress import Progress, Report
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings

POOL = "warehouse"
ARRIVAL_STEP = "check_arrivals"


def arrival_checks(
    sources: Sequence[str], held_by: Callable[[str], list[str]], settings: Settings, report: Report
) -> list[dg.AssetChecksDefinition]:
    """The contracts of the sources that are on; none when no source has one.

    Arguments:
        held_by: the public tables that a failing `block` on a table holds back.
    """
    listed = list_checks("raw", sources=sources) if sources else []
    keys = {check.table: raw_key(check.suite, check.table.partition(".")[2]) for check in listed}
    specs = check_specs(listed, keys)
    if not specs:
        return []

    @dg.multi_asset_check(
        name=ARRIVAL_STEP,
        specs=specs,
        can_subset=True,
        pool=POOL,
        # Before the build: it reads these outcomes. No asset of raw is made in the same run that could order
        # the two.
        op_tags={"dagster/priority": "10"},
    )
    def check_arrivals(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = context.selected_asset_check_keys
        names = sorted(
            {check.suite for check in listed if _key(keys[check.table], check.suite, check.check) in selected}
        )
        warehouse = warehouse_of(settings)
        now = settings.now_utc()
        make_tables(warehouse, settings.pipelines_dir)
        outcomes = run_suites(
            "raw",
            warehouse,
            now=now,
            names=names,
            sources=sources,
            time_zone=settings.time_zone,
            own_email_domains=settings.own_email_domains,
            instances=_instances(),
            report=lambda done, total, outcome: report(Progress("arrival", outcome.table, done, total)),
        )
        record_outcomes(
            # A notice is no fault: data health counts faults.
            [Outcome.of_suite("raw", outcome) for outcome in outcomes if outcome.severity != "notice"],
            run_id=context.run.run_id,
            warehouse=warehouse,
            pipelines_dir=settings.pipelines_dir,
            now=now,
        )
        failing = [
            f"{outcome.check} on {outcome.table}"
            for outcome in outcomes
            if not outcome.success and outcome.severity != "notice"
        ]
        report(Progress("arrival", result={"checks": len(outcomes), "failing_checks": failing}))
        for outcome in outcomes:
            if _key(keys[outcome.table], outcome.suite, outcome.check) in selected:
                yield check_result(outcome, keys[outcome.table], held_by)

    return [check_arrivals]


def _instances() -> dict[str, list[str]]:
    """By source, the connections that are on."""
    found: dict[str, list[str]] = {}
    for connection in enabled():
        found.setdefault(connection.source.name, []).append(connection.instance)
    return found


def _key(asset: dg.AssetKey, suite: str, check: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(asset, check_name(suite, check))
