"""Mixpanel: product analytics. See README.md for endpoints, limits, personal data and quirks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.errors import ConfigurationInvalid
from ingestion.source import RunContext, Slice
from ingestion.sources.mixpanel.client import MixpanelClient
from ingestion.sources.mixpanel.export import EventReader, earliest_read
from ingestion.sources.mixpanel.profiles import ProfileReader
from ingestion.sources.mixpanel.resources import EVENTS, RESOURCES
from ingestion.sources.mixpanel.settings import MixpanelSettings


class MixpanelSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "mixpanel"
    resources = RESOURCES

    def settings_class(self) -> type[MixpanelSettings]:
        """The dlt configspec of one project."""
        return MixpanelSettings

    def known_since(
        self,
        settings: MixpanelSettings,
        state: dict[str, Any],
        now: datetime,
        backfill: tuple[date, date] | None,
    ) -> dict[str, datetime]:
        """Only keys of the days that are read again need comparing."""
        since = earliest_read(settings, state, backfill)
        return {EVENTS.name: since} if since else {}

    def slices(self, settings: MixpanelSettings, context: RunContext) -> Iterator[Slice]:
        """Events by ranges of days, then the profiles."""
        for zone in (settings.project_time_zone, settings.profile_time_zone or "UTC"):
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                raise ConfigurationInvalid(
                    "a time zone like America/Sao_Paulo", f"{zone!r}", "correct it", source=context.instance
                ) from None
        client = MixpanelClient(settings, source=context.instance, on_request=context.on_request)
        events = EventReader(settings, context, client)
        try:
            state = dict(context.state)
            for piece in events.slices({name: part for name, part in state.items() if name != "events"}):
                yield piece
                state = piece.state()
            if context.backfill is None:
                yield from ProfileReader(settings, context, client).slices(state)
        finally:
            events.close()
            client.close()


source = MixpanelSource()
