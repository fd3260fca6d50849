"""Tally: product events of a vendor that does not exist. See README.md."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ingestion.mapping import mapped
from ingestion.slicing import Checkpoint, Stream, cut
from ingestion.source import Batch, RunContext, Slice
from ingestion.sources.tally import records
from ingestion.sources.tally.client import TallyClient
from ingestion.sources.tally.resources import EVENTS, RESOURCES
from ingestion.sources.tally.settings import TallySettings


class TallySource:
    """The connector; satisfies ingestion.source.Source."""

    name = "tally"
    resources = RESOURCES

    def settings_class(self) -> type[TallySettings]:
        """The dlt configspec of one account."""
        return TallySettings

    def slices(self, settings: TallySettings, context: RunContext) -> Iterator[Slice]:
        """Events in the order in which Tally numbered them."""
        client = TallyClient(settings, source=context.instance, on_request=context.on_request)
        with client.http:
            yield from cut(_events(client, settings, context), context.state, rows=settings.rows_per_slice)


def _events(client: TallyClient, settings: TallySettings, context: RunContext) -> Stream:
    after = int(context.state.get(EVENTS.name, {}).get("after", 0))
    for page in client.events(after):
        yield Batch(EVENTS.name, mapped(page, partial(records.event, settings=settings)))
        after = max(after, *(int(one["number"]) for one in page))
        yield Checkpoint(EVENTS.name, {"after": after})


source = TallySource()
