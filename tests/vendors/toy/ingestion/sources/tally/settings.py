"""Settings of a Tally account."""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class TallySettings(ConnectionSettings):
    """One account.

    Fields:
        base_url: `https://api.tally.example`.
        api_key: the account's key.
        customer_field: the field of an event that has the customer's id.
        rows_per_slice: events that are committed together.
    """

    base_url: str = "https://api.tally.example"
    api_key: TSecretStrValue = None  # type: ignore[assignment]  # required: dlt's way to say so
    customer_field: str = "customer"
    rows_per_slice: int = 50_000
