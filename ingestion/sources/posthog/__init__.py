"""PostHog: product analytics. See README.md for endpoints, scopes, limits and quirks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from ingestion.source import RunContext, Slice
from ingestion.sources.posthog.client import PosthogClient
from ingestion.sources.posthog.resources import EVENTS, RESOURCES
from ingestion.sources.posthog.settings import PosthogSettings
from ingestion.sources.posthog.streams import PosthogReader, earliest_read


class PosthogSource:
    """The connector; satisfies ingestion.source.Source."""

    name = "posthog"
    resources = RESOURCES

    def settings_class(self) -> type[PosthogSettings]:
        """The dlt configspec of one project."""
        return PosthogSettings

    def known_since(
        self,
        settings: PosthogSettings,
        state: dict[str, Any],
        now: datetime,
        backfill: tuple[date, date] | None,
    ) -> dict[str, datetime]:
        """Only keys of what may be read again need comparing."""
        since = earliest_read(settings, state, backfill)
        return {EVENTS.name: since} if since else {}

    def slices(self, settings: PosthogSettings, context: RunContext) -> Iterator[Slice]:
        """Events by arrival, then the persons."""
        client = PosthogClient(settings, source=context.instance, on_request=context.on_request)
        with client.http:
            yield from PosthogReader(settings, context, client).slices()


source = PosthogSource()
