"""Settings of one PostHog project."""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class PosthogSettings(ConnectionSettings):
    """One project, read with a personal API key.

    Fields:
        base_url: `https://us.posthog.com`, `https://eu.posthog.com`, or the host of one's own.
        api_key: a personal API key with the scopes `query:read` and `person:read`, or a project secret API
            key.
        project_id: the project.
        start_on: first day to load (YYYY-MM-DD, by arrival); unset, two years before the first run.
        arrival_overlap_minutes: how far before the newest known arrival to look again: arrivals are not in
            order.
        rows_per_request: rows of a query; 50,000 at most.
        account_group: the group type that holds the customer's id, as `$groups` of the events has it.
        feature_property: the event property that names the feature.
        email_property, name_property: the person properties with address and name.
        person_refresh_hours: how often the whole list of persons is read.
    """

    base_url: str = "https://us.posthog.com"
    api_key: TSecretStrValue = None  # type: ignore[assignment]  # required: dlt's way to say so
    project_id: str = None  # type: ignore[assignment]
    start_on: str | None = None
    arrival_overlap_minutes: int = 60
    rows_per_request: int = 50_000
    account_group: str = "company"
    feature_property: str = "feature"
    email_property: str = "email"
    name_property: str = "name"
    person_refresh_hours: int = 24
