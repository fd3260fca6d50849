"""The jobs: one ingestion per source, one build.

Belongs here: which assets and checks a job takes, and how it retries. Does not belong here: when it runs
(`schedules.py`).

Steps of a job run in one process: on the embedded warehouse a process per step would cost more than the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration.job_names import BUILD_JOB, ingest_job_name
from orchestration.settings import Settings


def ingestion_jobs(assets: Sequence[dg.AssetsDefinition], settings: Settings) -> list[Any]:
    """A job per source, so that a slow or broken vendor holds up no other."""
    return [
        dg.define_asset_job(
            ingest_job_name(source_of(asset)),
            # Its arrival checks belong to the build: a load must not wait for Great Expectations.
            selection=dg.AssetSelection.assets(asset).without_checks(),
            description=f"Loads what {source_of(asset)} has that the warehouse has not.",
            executor_def=dg.in_process_executor,
            op_retry_policy=retries(settings),
            tags={"norte/source": source_of(asset)},
        )
        for asset in assets
    ]


def build_job(
    build: dg.AssetsDefinition, arrival: Sequence[dg.AssetChecksDefinition], settings: Settings
) -> Any:
    """Arrival checks, models, publication checks, data health, publication."""
    selection: dg.AssetSelection = dg.AssetSelection.assets(build)
    for checks in arrival:
        selection = selection | dg.AssetSelection.checks(checks)
    return dg.define_asset_job(
        BUILD_JOB,
        selection=selection,
        description="Builds the marts from raw as it lies, checks them, and publishes what holds.",
        executor_def=dg.in_process_executor,
        op_retry_policy=retries(settings),
    )


def source_of(asset: dg.AssetsDefinition) -> str:
    """The source that a raw multi-asset loads."""
    return next(iter(asset.keys)).path[1]


def retries(settings: Settings) -> dg.RetryPolicy | None:
    """For what may pass by itself; a step that knows better says so (`allow_retries=False`)."""
    if settings.retry_count == 0:
        return None
    return dg.RetryPolicy(
        max_retries=settings.retry_count,
        delay=settings.retry_delay_seconds,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


def partitioned_key(job: dg.JobDefinition) -> dg.AssetKey | None:
    """The asset of the job that has partitions: the event stream of a source."""
    graph = job.asset_layer.asset_graph
    return next(
        (key for key in job.asset_layer.selected_asset_keys if graph.get(key).partitions_def is not None),
        None,
    )
