"""Settings of one Mixpanel project."""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class MixpanelSettings(ConnectionSettings):
    """One project, read with a service account.

    Fields:
        data_base_url: host of the raw export; data-eu or data-in for projects that live there.
        api_base_url: host of the query API; eu or in likewise.
        username, secret: the service account.
        project_id: the project.
        project_time_zone: the project's zone if it was made before 2023: the export then cuts days in it
            and writes local times. UTC for later projects.
        profile_time_zone: the zone of `$last_seen`; unset, the project's.
        start_on: first day to load (YYYY-MM-DD); unset, two years before the first run.
        attribution_days: how many days back late events are looked for.
        arrival_overlap_minutes: how far before the newest known arrival to look again: arrivals are not in
            order.
        rows_per_request: days are added to an export until about so many rows come back.
        account_property: the event and profile property that holds the customer's id (a group key).
        feature_property: the event property that names the feature.
        data_group_id: the id of the group type whose profiles are the customers; unset, they are not read.
        profile_page_size: profiles per page.
        profile_refresh_hours: how often the whole list of profiles is read; in between, those seen lately.
    """

    data_base_url: str = "https://data.mixpanel.com"
    api_base_url: str = "https://mixpanel.com"
    username: str = None  # type: ignore[assignment]  # required: dlt's way to say so
    secret: TSecretStrValue = None  # type: ignore[assignment]
    project_id: str = None  # type: ignore[assignment]
    project_time_zone: str = "UTC"
    profile_time_zone: str | None = None
    start_on: str | None = None
    attribution_days: int = 5
    arrival_overlap_minutes: int = 60
    rows_per_request: int = 1_000_000
    account_property: str = "company_id"
    feature_property: str = "feature"
    data_group_id: str | None = None
    profile_page_size: int = 1000
    profile_refresh_hours: int = 24
