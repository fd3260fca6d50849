"""Which kind of Jira a connection is of.

Belongs here: the choice. Does not belong here: what the kinds do (`cloud.py`, `data_center.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from ingestion.errors import ConfigurationInvalid
from ingestion.sources.jira.client import JiraClient
from ingestion.sources.jira.cloud import CloudClient
from ingestion.sources.jira.data_center import DataCenterClient
from ingestion.sources.jira.settings import JiraSettings


def open_client(settings: JiraSettings, *, source: str, on_request: Callable[[int], None]) -> JiraClient:
    """The client of a connection.

    Raises:
        ConfigurationInvalid: no base URL or no credentials.
    """
    if not settings.base_url:
        raise ConfigurationInvalid(
            "base_url of the Jira site",
            "nothing",
            f"set SOURCES__{source.upper()}__BASE_URL, e.g. https://<site>.atlassian.net",
            source=source,
        )
    kind = DataCenterClient if settings.deployment == "data_center" else CloudClient
    return kind(settings, source=source, on_request=on_request)
