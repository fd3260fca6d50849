"""Settings of an Intercom connection.

Belongs here: what a company tells dlt about its Intercom. Does not belong here: credentials' values.
"""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class IntercomSettings(ConnectionSettings):
    """One Intercom workspace.

    Fields:
        base_url: `https://api.intercom.io`, or the EU's or Australia's host.
        access_token: of a private app (Developer Hub, Authentication).
        start_date: first day to read, by the time of the last change (`YYYY-MM-DD`).
        overlap_minutes: how far back each run reads again, since the search index lags by minutes.
        contacts_sweep_every_hours: cadence of the list of all contacts, which finds those that are gone.
        deletion_guard_ratio: share of the known contacts that one sweep may declare gone; more is taken for a
            lost permission.
        requests_per_minute: the app's limit until its headers tell it.
        priority_attribute, type_attribute: names of the conversations' own attributes that hold a priority
            (low, normal, high, urgent) and a type (question, incident, problem, task).
        work_items_attribute: the attribute that holds the keys of linked issues, joined by commas.
        country_attribute: the companies' own attribute that holds their country (a code or an English name).
        merged_tag: the tag that agents give to a conversation that they close as a double.
        rows_per_slice: records that are committed together.
    """

    base_url: str = "https://api.intercom.io"
    access_token: TSecretStrValue | None = None
    start_date: str = "2011-01-01"
    overlap_minutes: float = 10.0
    contacts_sweep_every_hours: float = 168.0
    deletion_guard_ratio: float = 0.2
    requests_per_minute: int = 1000
    priority_attribute: str = "Priority"
    type_attribute: str = "Type"
    work_items_attribute: str = "Jira issues"
    country_attribute: str = "country"
    merged_tag: str = "closed_by_merge"
    rows_per_slice: int = 50_000
