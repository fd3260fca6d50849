"""When jobs run by themselves.

Belongs here: cadences. Does not belong here: what the jobs do.

With a fixed `now` (a sandbox company) schedules start stopped: there is nothing new until its time moves.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from orchestration.assets.ingestion import incremental_tags
from orchestration.job_names import BUILD_JOB, ingest_job_name
from orchestration.jobs import source_of
from orchestration.settings import Settings

# Sources start minutes apart, the build when they are usually done; it takes raw as it lies in any case.
FIRST_MINUTE = 2
MINUTES_APART = 3
BUILD_MINUTE = 30


def schedules(assets: Sequence[dg.AssetsDefinition], settings: Settings) -> list[dg.ScheduleDefinition]:
    """Hourly ingestion of each source, and the hourly build."""
    status = dg.DefaultScheduleStatus.STOPPED if settings.now else dg.DefaultScheduleStatus.RUNNING
    hourly = [
        _ingestion_schedule(asset, FIRST_MINUTE + number * MINUTES_APART, status, settings)
        for number, asset in enumerate(assets)
    ]
    build = dg.ScheduleDefinition(
        name=f"{BUILD_JOB}__hourly",
        job_name=BUILD_JOB,
        cron_schedule=f"{BUILD_MINUTE} * * * *",
        default_status=status,
        description="Builds, checks and publishes every hour.",
    )
    return [*hourly, build]


def event_stream_key(asset: dg.AssetsDefinition) -> dg.AssetKey | None:
    """The raw table of the source that is partitioned by event day."""
    return next((spec.key for spec in asset.specs if spec.partitions_def is not None), None)


def _ingestion_schedule(
    asset: dg.AssetsDefinition, minute: int, status: dg.DefaultScheduleStatus, settings: Settings
) -> dg.ScheduleDefinition:
    job = ingest_job_name(source_of(asset))
    key = event_stream_key(asset)

    @dg.schedule(
        name=f"{job}__hourly",
        job_name=job,
        cron_schedule=f"{minute % 60} * * * *",
        default_status=status,
        description=f"Loads what is new in {source_of(asset)} every hour, days missed included.",
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(tags=dict(incremental_tags(context.instance, key, settings)))

    return hourly
