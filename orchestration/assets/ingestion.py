"""Raw tables: one asset per resource, one step per source.

Belongs here: calling the ingestion for a source and telling Dagster what it did. Does not belong here:
anything about a vendor.

The event stream of an analytics source has daily partitions by event day. An ordinary run (hourly, or the
first) goes on where the last one stopped and counts for the whole range of days since then; rows that arrive
late belong to the range in which they arrived. A backfill names its days: they are read again, and the
source's cursor stays.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from expectations.contract import freshness_promise_hours
from ingestion.errors import IngestionError, RateLimited, Unreachable
from ingestion.pipeline import LoadSummary, run_source
from ingestion.registry import Connection
from ingestion.source import Resource
from ingestion.tables import AUDIT_TABLE
from orchestration.owners import DEFAULT_OWNER
from orchestration.progress import Progress, Report
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings
from orchestration.translators import FRESH_FOR

LOAD_TAG = "norte/load"
INCREMENTAL = "incremental"
GOVERNANCE = "governance"
# What may pass by itself; wrong credentials or a bad governance file do not.
PASSING = (Unreachable, RateLimited)


def is_event_stream(resource: Resource) -> bool:
    """Whether the resource is partitioned by event day."""
    return resource.is_append_only and resource.name == "events"


def raw_key(source: str, resource: str) -> dg.AssetKey:
    """The key of a raw table."""
    return dg.AssetKey(["raw", source, resource])


def event_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """The days of the event stream: from the first one up to the day of `now`."""
    last_day = settings.now_utc().date()
    return dg.DailyPartitionsDefinition(
        start_date=settings.analytics_starts_on.isoformat(),
        end_date=(last_day + timedelta(days=1)).isoformat() if settings.now else None,
        end_offset=settings.partition_days_ahead(),
    )


def ingestion_assets(
    connections: Sequence[Connection], settings: Settings, report: Report
) -> list[dg.AssetsDefinition]:
    """One multi-asset per source that is on; several connections of one vendor load into the same tables."""
    by_source: dict[str, list[Connection]] = {}
    for connection in connections:
        by_source.setdefault(connection.source.name, []).append(connection)
    days = event_days(settings)
    promises = freshness_promise_hours()
    return [
        _source_assets(name, group, settings, days, _freshness(promises.get(name)), report)
        for name, group in sorted(by_source.items())
    ]


def _freshness(promise_hours: float | None) -> dg.FreshnessPolicy:
    """What the source's contract promises; amber from a quarter of it on."""
    promise = FRESH_FOR if promise_hours is None else timedelta(hours=promise_hours)
    return dg.FreshnessPolicy.time_window(fail_window=promise, warn_window=promise / 4)


def _source_assets(
    name: str,
    connections: Sequence[Connection],
    settings: Settings,
    days: dg.DailyPartitionsDefinition,
    freshness: dg.FreshnessPolicy,
    report: Report,
) -> dg.AssetsDefinition:
    resources = connections[0].source.resources
    has_events = any(is_event_stream(resource) for resource in resources)

    @dg.multi_asset(
        name=f"load_{name}",
        specs=[
            *(_spec(name, resource, settings, days, freshness) for resource in resources),
            _audit_spec(name, settings),
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run() if has_events else None,
        op_tags={"source": name},
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        days_asked = _asked_days(context)
        summaries: list[LoadSummary] = []
        failures: list[tuple[str, IngestionError]] = []
        for connection in connections:
            try:
                summaries.append(_run(connection, settings, report, days_asked))
            except IngestionError as error:
                context.log.error(str(error))
                failures.append((connection.instance, error))
        if summaries:
            yield from _results(name, resources, context.selected_asset_keys, summaries)
        for summary in summaries:
            report(Progress("ingest", summary.instance, result=_facts(summary)))
        if failures:
            raise dg.Failure(
                description="\n".join(str(error) for _, error in failures),
                allow_retries=all(isinstance(error, PASSING) for _, error in failures),
            )

    return load


def _spec(
    name: str,
    resource: Resource,
    settings: Settings,
    days: dg.DailyPartitionsDefinition,
    freshness: dg.FreshnessPolicy,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(name, resource.name),
        description=resource.description or None,
        group_name=f"raw_{name}",
        owners=[DEFAULT_OWNER],
        kinds={"dlt", settings.warehouse, name},
        partitions_def=days if is_event_stream(resource) else None,
        freshness_policy=freshness,
        metadata={"dagster/table_name": f"raw_{name}.{resource.name}"},
        skippable=True,
    )


def _audit_spec(name: str, settings: Settings) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(name, AUDIT_TABLE),
        description="What each load looked at, and how many rows it brought and rejected.",
        group_name=f"raw_{name}",
        owners=[DEFAULT_OWNER],
        kinds={"dlt", settings.warehouse},
        metadata={"dagster/table_name": f"raw_{name}.{AUDIT_TABLE}"},
        skippable=True,
    )


def _run(
    connection: Connection, settings: Settings, report: Report, days_asked: tuple[date, date] | None
) -> LoadSummary:
    def on_rows(resource: str, rows: int, expected: int | None) -> None:
        report(Progress("ingest", f"{connection.instance}/{resource}", rows, expected))

    return run_source(
        connection.instance,
        warehouse=warehouse_of(settings),
        pipelines_dir=settings.pipelines_dir,
        now=settings.now_utc(),
        person_key_secret=settings.person_key_secret.get_secret_value(),
        report=on_rows,
        backfill=days_asked,
        # The company's own files name whom they name: it corrects them itself.
        erased=None if connection.source.name == GOVERNANCE else settings.erased_file,
    )


def _asked_days(context: dg.AssetExecutionContext) -> tuple[date, date] | None:
    """The first and last event day that a backfill asks for; None for an ordinary run."""
    if context.run.tags.get(LOAD_TAG) == INCREMENTAL:
        return None
    if not (context.has_partition_key or context.has_partition_key_range):
        return None
    asked = context.partition_key_range
    return date.fromisoformat(asked.start), date.fromisoformat(asked.end)


def _results(
    name: str, resources: Sequence[Resource], selected: Any, summaries: Sequence[LoadSummary]
) -> Iterator[dg.MaterializeResult]:
    if raw_key(name, AUDIT_TABLE) in selected:
        yield dg.MaterializeResult(
            asset_key=raw_key(name, AUDIT_TABLE),
            metadata={"slices": sum(summary.slices for summary in summaries)},
        )
    requests = sum(summary.api_requests for summary in summaries)
    seconds = sum(summary.duration_s for summary in summaries)
    for resource in resources:
        key = raw_key(name, resource.name)
        if key in selected:
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    # Of the run; a range of event days is one run, so it is no count of any one of them.
                    "rows_loaded": _total(summaries, "rows_loaded", resource.name),
                    "rows_rejected": _total(summaries, "rows_rejected", resource.name),
                    "tombstones": _total(summaries, "tombstones", resource.name),
                    "requests_of_the_source": requests,
                    "seconds_of_the_source": round(seconds, 2),
                },
            )


def _total(summaries: Sequence[LoadSummary], field: str, resource: str) -> int:
    return sum(int(getattr(summary, field).get(resource, 0)) for summary in summaries)


def _facts(summary: LoadSummary) -> dict[str, Any]:
    return {
        "rows": sum(summary.rows_loaded.values()),
        "rows_by_resource": {name: count for name, count in summary.rows_loaded.items() if count},
        "rejected": sum(summary.rows_rejected.values()),
        "deleted": sum(summary.tombstones.values()),
        "requests": summary.api_requests,
        "seconds": round(summary.duration_s, 1),
    }


def incremental_tags(
    instance: dg.DagsterInstance, key: dg.AssetKey | None, settings: Settings
) -> Mapping[str, str]:
    """Tags of an ordinary run: it goes on from the last event day that was loaded up to the day of `now`.

    Arguments:
        key: the event stream of the source; None where the source has none.
    """
    tags = {LOAD_TAG: INCREMENTAL}
    if key is None:
        return tags
    today = settings.now_utc().date().isoformat()
    first = settings.analytics_starts_on.isoformat()
    loaded = [day for day in instance.get_materialized_partitions(key) if re.match(r"\d{4}-\d\d-\d\d$", day)]
    start = min(max(loaded), today) if loaded else min(first, today)
    return {
        **tags,
        "dagster/asset_partition_range_start": start,
        "dagster/asset_partition_range_end": today,
    }
