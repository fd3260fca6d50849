"""Salesforce: CRM and surveys. See README.md for endpoints, rights, limits and quirks."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.source import RunContext, Slice
from ingestion.sources.salesforce.client import SalesforceClient
from ingestion.sources.salesforce.resources import RESOURCES
from ingestion.sources.salesforce.settings import SalesforceSettings
from ingestion.sources.salesforce.streams import SalesforceReader


class SalesforceSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "salesforce"
    resources = RESOURCES

    def settings_class(self) -> type[SalesforceSettings]:
        """The dlt configspec of one org."""
        return SalesforceSettings

    def slices(self, settings: SalesforceSettings, context: RunContext) -> Iterator[Slice]:
        """One run, cut by rows."""
        client = SalesforceClient(settings, source=context.instance, on_request=context.on_request)
        with client:
            yield from SalesforceReader(settings, context, client).slices()


source = SalesforceSource()
