"""Intercom: conversations. See README.md for endpoints, permissions, limits and quirks."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.source import RunContext, Slice
from ingestion.sources.intercom.client import IntercomClient
from ingestion.sources.intercom.resources import RESOURCES
from ingestion.sources.intercom.settings import IntercomSettings
from ingestion.sources.intercom.streams import IntercomReader


class IntercomSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "intercom"
    resources = RESOURCES

    def settings_class(self) -> type[IntercomSettings]:
        """The dlt configspec of one workspace."""
        return IntercomSettings

    def slices(self, settings: IntercomSettings, context: RunContext) -> Iterator[Slice]:
        """One run, cut by rows."""
        client = IntercomClient(settings, source=context.instance, on_request=context.on_request)
        with client:
            yield from IntercomReader(settings, context, client).slices()


source = IntercomSource()
