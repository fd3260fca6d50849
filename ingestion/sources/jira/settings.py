"""Settings of a Jira connection.

Belongs here: what a company tells dlt about its Jira. Does not belong here: credentials' values.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class JiraSettings(ConnectionSettings):
    """One Jira site.

    Fields:
        deployment: `cloud`, or `data_center` for a site of the company's own (Server too).
        base_url: `https://<site>.atlassian.net`, or `https://api.atlassian.com/ex/jira/<cloud id>` with
            `access_token`; Data Center: host and context path, `https://jira.example.com/jira`.
        email, api_token: Cloud: of the service user; its token expires within a year.
        access_token: a bearer token, instead of both: Cloud's scoped token or OAuth, Data Center's personal
            access token.
        username, password: Data Center: instead of the token.
        projects: keys of the projects to read; empty reads all that the user sees.
        story_points_fields: field ids; empty finds them by type and name.
        sprint_field: field id; unset finds it by type.
        flagged_field: field id; unset finds it by name.
        epic_types, initiative_types: Data Center: names of the issue types above the standard ones, which
            only Cloud ranks itself.
        cursor_style: `epoch_ms` asks for changes by instant; `minutes` by minute in the user's time zone, for
            sites whose JQL refuses numbers. Unset: instants on Cloud, minutes on Data Center.
        overlap_minutes: how far each run reads back before the last one, for the search index's delay.
        deletions_every_hours: cadence of the id sweep; unset sweeps on each run below `sweep_each_run_below`
            issues, else daily.
        sweep_each_run_below: see above.
        deletion_guard_ratio: share of the known issues that one sweep may declare deleted; more is taken for
            a lost permission and left alone with a warning.
        requests_per_second: pace, below the site's burst limit.
        workers: requests under way at once.
        rows_per_slice: records that are committed together.
    """

    deployment: Literal["cloud", "data_center"] = "cloud"
    base_url: str = ""
    email: str | None = None
    api_token: TSecretStrValue | None = None
    access_token: TSecretStrValue | None = None
    username: str | None = None
    password: TSecretStrValue | None = None
    projects: list[str] = field(default_factory=list)
    story_points_fields: list[str] = field(default_factory=list)
    sprint_field: str | None = None
    flagged_field: str | None = None
    epic_types: list[str] = field(default_factory=lambda: ["Epic", "Épico"])
    initiative_types: list[str] = field(default_factory=lambda: ["Initiative", "Iniciativa"])
    cursor_style: Literal["epoch_ms", "minutes"] | None = None
    overlap_minutes: float = 5.0
    deletions_every_hours: float | None = None
    sweep_each_run_below: int = 20_000
    deletion_guard_ratio: float = 0.2
    requests_per_second: int = 25
    workers: int = 5
    rows_per_slice: int = 50_000
