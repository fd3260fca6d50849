"""HubSpot: CRM and surveys. See README.md for endpoints, scopes, limits and quirks."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.source import RunContext, Slice
from ingestion.sources.hubspot.client import HubSpotClient
from ingestion.sources.hubspot.resources import RESOURCES
from ingestion.sources.hubspot.settings import HubSpotSettings
from ingestion.sources.hubspot.streams import HubSpotReader


class HubSpotSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "hubspot"
    resources = RESOURCES

    def settings_class(self) -> type[HubSpotSettings]:
        """The dlt configspec of one account."""
        return HubSpotSettings

    def slices(self, settings: HubSpotSettings, context: RunContext) -> Iterator[Slice]:
        """One run, cut by rows."""
        client = HubSpotClient(settings, source=context.instance, on_request=context.on_request)
        with client.http:
            yield from HubSpotReader(settings, context, client).slices()


source = HubSpotSource()
