"""The definitions that Dagster loads.

Belongs here: putting the parts together. Does not belong here: anything else.
"""

from __future__ import annotations

import dagster as dg

from ingestion.enrichment.registry import ENGINES
from ingestion.registry import enabled
from orchestration.assets.build import build_assets
from orchestration.assets.enrichment import engines_on, with_engines
from orchestration.assets.ingestion import ingestion_assets
from orchestration.assets.models import Models
from orchestration.checks.arrival import arrival_checks
from orchestration.jobs import build_job, ingestion_jobs
from orchestration.progress import Report, unheard
from orchestration.resources.dbt import Dbt
from orchestration.resources.warehouse import warehouse_of
from orchestration.schedules import schedules
from orchestration.sensors import sensors
from orchestration.settings import Settings


@dg.definitions
def definitions() -> dg.Definitions:
    """What `dg` and the web server load: everything, with the settings of the environment."""
    settings = Settings.load()
    raw = ingestion_assets(enabled(), settings, unheard)
    return dg.Definitions.merge(
        dg.Definitions(assets=raw, jobs=ingestion_jobs(raw, settings)),
        build_definitions(settings),
        dg.Definitions(
            schedules=schedules(raw, settings), sensors=sensors(settings), executor=dg.in_process_executor
        ),
    )


def ingestion_definitions(settings: Settings, report: Report = unheard) -> dg.Definitions:
    """Raw tables and the jobs that load them; needs no dbt, so a process that only loads starts sooner."""
    raw = ingestion_assets(enabled(), settings, report)
    return dg.Definitions(assets=raw, jobs=ingestion_jobs(raw, settings))


def build_definitions(settings: Settings, report: Report = unheard) -> dg.Definitions:
    """Models, checks, published files and the job that builds them."""
    sources = sources_on()
    dbt = Dbt(
        warehouse=warehouse_of(settings),
        folder=settings.dbt_dir,
        variables={
            "company_time_zone": settings.time_zone,
            "sources_enabled": sources,
            "own_email_domains": settings.own_email_domains,
            "crm_link_base": settings.crm_link_base,
            "support_link_base": settings.support_link_base,
            "delivery_link_base": settings.delivery_link_base,
        },
    )
    manifest = dbt.manifest(settings.now_utc())
    engines = engines_on(ENGINES, manifest)
    models = Models(with_engines(manifest, engines), dbt)
    build, publications = build_assets(models, engines, sources, settings, report)
    arrival = arrival_checks(sources, models.held_by, settings, report)
    return dg.Definitions(
        assets=[build, publications], asset_checks=arrival, jobs=[build_job(build, arrival, settings)]
    )


def sources_on() -> list[str]:
    """The vendors that are on, each once, as dlt's configuration says."""
    return sorted({connection.source.name for connection in enabled()})
