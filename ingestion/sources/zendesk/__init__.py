"""Zendesk Support: tickets. See README.md for endpoints, scopes, limits and quirks."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.source import RunContext, Slice
from ingestion.sources.zendesk.client import ZendeskClient
from ingestion.sources.zendesk.resources import RESOURCES
from ingestion.sources.zendesk.settings import ZendeskSettings
from ingestion.sources.zendesk.streams import ZendeskReader


class ZendeskSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "zendesk"
    resources = RESOURCES

    def settings_class(self) -> type[ZendeskSettings]:
        """The dlt configspec of one account."""
        return ZendeskSettings

    def slices(self, settings: ZendeskSettings, context: RunContext) -> Iterator[Slice]:
        """One run, cut by rows."""
        client = ZendeskClient(settings, source=context.instance, on_request=context.on_request)
        with client.http:
            yield from ZendeskReader(settings, context, client).slices()


source = ZendeskSource()
