"""Amplitude: product analytics. See README.md for endpoints, limits, personal data and quirks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from ingestion.source import RunContext, Slice
from ingestion.sources.amplitude.client import AmplitudeClient
from ingestion.sources.amplitude.export import EventReader, earliest_read
from ingestion.sources.amplitude.resources import EVENTS, RESOURCES
from ingestion.sources.amplitude.settings import AmplitudeSettings


class AmplitudeSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "amplitude"
    resources = RESOURCES

    def settings_class(self) -> type[AmplitudeSettings]:
        """The dlt configspec of one project."""
        return AmplitudeSettings

    def known_since(
        self,
        settings: AmplitudeSettings,
        state: dict[str, Any],
        now: datetime,
        backfill: tuple[date, date] | None,
    ) -> dict[str, datetime]:
        """Only keys of late events and of days that are read again need comparing."""
        since = earliest_read(settings, state, backfill)
        return {EVENTS.name: since} if since else {}

    def slices(self, settings: AmplitudeSettings, context: RunContext) -> Iterator[Slice]:
        """Events by ranges of upload hours, and the users that they tell of."""
        client = AmplitudeClient(settings, source=context.instance, on_request=context.on_request)
        reader = EventReader(settings, context, client)
        try:
            yield from reader.slices()
        finally:
            reader.close()
            client.http.close()


source = AmplitudeSource()
