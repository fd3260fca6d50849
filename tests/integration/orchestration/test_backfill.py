"""A backfill of event days, as the UI starts it: one Dagster run for the range, on a real vendor's wire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from orchestration.assets.ingestion import incremental_tags, raw_key
from orchestration.definitions import ingestion_definitions
from orchestration.settings import Settings

pytestmark = pytest.mark.integration

EVENTS = raw_key("mixpanel", "events")


class Analytics:
    """A small company's product analytics, loaded through Dagster."""

    def __init__(self, folder: Path, world: World, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.today = world.meta.as_of.date()
        self.settings = Settings(
            home=folder / "home",
            now=world.meta.as_of.replace(tzinfo=UTC),
            analytics_starts_on=self.today - timedelta(days=60),
            person_key_secret="not-a-secret",  # type: ignore[arg-type]
            retry_count=0,
        )
        self._definitions = ingestion_definitions(self.settings)

    def run_as_scheduled(self) -> None:
        job = self._definitions.resolve_job_def("ingest_mixpanel")
        tags = incremental_tags(self.instance, EVENTS, self.settings)
        assert job.execute_in_process(instance=self.instance, tags=tags).success

    def backfill(self, first: date, last: date) -> Any:
        """What the UI launches for a range of the event asset, whose backfills are single runs."""
        job = self._definitions.resolve_implicit_global_asset_job_def()
        tags = {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        }
        result = job.execute_in_process(instance=self.instance, asset_selection=[EVENTS], tags=tags)
        assert result.success
        return result

    def query(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.home / "warehouse.duckdb")) as connection:
            return connection.execute(statement, list(arguments)).fetchall()

    def state(self) -> list[tuple[Any, ...]]:
        """The cursor that the last ordinary load left."""
        return self.query("select state from raw_mixpanel.connection_state order by sequence desc limit 1")

    def days_done(self) -> set[str]:
        return set(self.instance.get_materialized_partitions(EVENTS))


@pytest.fixture
def analytics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Analytics]:
    generate_world(tmp_path / "world", accounts=12, months=2)
    world = World.load(tmp_path / "world")
    with SandboxServer(world.path, world.meta.as_of) as server, dg.DagsterInstance.ephemeral() as instance:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SOURCES__ENABLED", "mixpanel")
        yield Analytics(tmp_path, world, instance)


def test_a_backfill_reads_its_days_again_in_one_run_and_the_next_load_goes_on_where_it_was(
    analytics: Analytics,
) -> None:
    analytics.run_as_scheduled()
    everything = "select _key from raw_mixpanel.events order by 1"
    before = analytics.query(everything)
    first, last = analytics.today - timedelta(days=9), analytics.today - timedelta(days=7)
    assert {first.isoformat(), last.isoformat(), analytics.today.isoformat()} <= analytics.days_done()

    # Some days of raw were lost.
    lost = analytics.query(
        "delete from raw_mixpanel.events where cast(occurred_at as date) between ? and ? returning _key",
        first,
        last,
    )
    assert lost
    state = analytics.state()
    result = analytics.backfill(first, last)

    assert analytics.query(everything) == before
    assert analytics.state() == state
    materialized = result.asset_materializations_for_node("load_mixpanel")
    assert {one.partition for one in materialized} == {
        (first + timedelta(days=n)).isoformat() for n in range(3)
    }
    [loaded] = {one.metadata["rows_loaded"].value for one in materialized}
    assert loaded == len(lost)

    # Neither a second backfill nor the next load brings any of it twice.
    analytics.backfill(first, last)
    analytics.run_as_scheduled()
    assert analytics.query(everything) == before
