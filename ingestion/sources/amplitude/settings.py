"""Settings of one Amplitude project."""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class AmplitudeSettings(ConnectionSettings):
    """One project, read with its API key and secret key.

    Fields:
        base_url: `https://amplitude.com`, or `https://analytics.eu.amplitude.com` for projects in the EU.
        api_key, secret_key: of the project.
        start_on: first day to load (YYYY-MM-DD, by upload); unset, two years before the first run.
        settling_hours: how old an hour of uploads must be to be read: younger ones are not complete.
        rows_per_request: hours are added to an export until about so many rows come back.
        group_type: the group type that holds the customer's id.
        feature_property: the event property that names the feature.
        email_property, name_property: the user properties with the person's address and name.
        backfill_days: how many days after an event it may have been uploaded, when days are read again.
    """

    base_url: str = "https://amplitude.com"
    api_key: str = None  # type: ignore[assignment]  # required: dlt's way to say so
    secret_key: TSecretStrValue = None  # type: ignore[assignment]
    start_on: str | None = None
    settling_hours: int = 3
    rows_per_request: int = 1_000_000
    group_type: str = "company"
    feature_property: str = "feature"
    email_property: str = "email"
    name_property: str = "name"
    backfill_days: int = 7
