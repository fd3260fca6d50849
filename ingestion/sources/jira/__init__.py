"""Jira Cloud and Data Center: delivery. See README.md for endpoints, scopes, limits and quirks."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.source import RunContext, Slice
from ingestion.sources.jira.clients import open_client
from ingestion.sources.jira.resources import RESOURCES
from ingestion.sources.jira.settings import JiraSettings
from ingestion.sources.jira.streams import JiraReader


class JiraSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "jira"
    resources = RESOURCES

    def settings_class(self) -> type[JiraSettings]:
        """The dlt configspec of one site."""
        return JiraSettings

    def slices(self, settings: JiraSettings, context: RunContext) -> Iterator[Slice]:
        """One run, cut by rows."""
        client = open_client(settings, source=context.instance, on_request=context.on_request)
        with client.http:
            yield from JiraReader(settings, context, client).slices()


source = JiraSource()
