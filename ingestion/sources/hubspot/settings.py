"""Settings of a HubSpot connection.

Belongs here: what a company tells dlt about its HubSpot. Does not belong here: credentials' values.
"""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class HubSpotSettings(ConnectionSettings):
    """One HubSpot account.

    Fields:
        base_url: `https://api.hubapi.com`.
        access_token: a service key or a private app's token.
        client_id, client_secret, refresh_token: of an OAuth app, instead of `access_token`.
        api_version: `2026-09` (paths by date) or `v3` (end of support September 2027).
        segment_property, test_account_property: names of the company's own properties on companies.
        loss_reason_property, loss_reason_text_property: names of the properties on deals.
        all_properties: read every property into the payload; false reads those that have a column.
        overlap_minutes: how far each run reads back before the last one, for the search index's delay.
        associations_every_hours: cadence of the full re-read of associations, whose changes move no cursor.
        sweep_every_hours: cadence of the list of all ids, which finds objects that were erased for privacy,
            or archived so long ago that the list of archived ones no longer has them.
        deletion_guard_ratio: share of a type's known objects that one sweep may declare gone; more is taken
            for a lost permission.
        requests_per_10_seconds: burst limit of the plan (Free and Starter 100, above 190).
        searches_per_second: limit of the search endpoint.
        workers: requests under way at once.
        rows_per_slice: records that are committed together.
    """

    base_url: str = "https://api.hubapi.com"
    access_token: TSecretStrValue | None = None
    client_id: str | None = None
    client_secret: TSecretStrValue | None = None
    refresh_token: TSecretStrValue | None = None
    api_version: str = "2026-09"
    segment_property: str = "segment"
    test_account_property: str = "is_test_account"
    loss_reason_property: str = "closed_lost_reason"
    loss_reason_text_property: str = "closed_lost_reason_text"
    all_properties: bool = True
    overlap_minutes: float = 10.0
    associations_every_hours: float = 24.0
    sweep_every_hours: float = 168.0
    deletion_guard_ratio: float = 0.2
    requests_per_10_seconds: int = 190
    searches_per_second: int = 5
    workers: int = 6
    rows_per_slice: int = 50_000

    def property_name(self, column: str) -> str:
        """The account's property behind a column."""
        return {
            "segment": self.segment_property,
            "is_test_account": self.test_account_property,
            "closed_lost_reason": self.loss_reason_property,
            "closed_lost_reason_text": self.loss_reason_text_property,
        }.get(column, column)
