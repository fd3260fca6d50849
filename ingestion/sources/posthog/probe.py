"""Trying a PostHog connection out.

Belongs here: one small request per list that a run reads, and whether events carry what the settings name.
Does not belong here: how findings are made (`ingestion/probing.py`).
"""

from __future__ import annotations

from typing import Any

import orjson

from ingestion.probing import Trial
from ingestion.sources.posthog.client import PosthogClient
from ingestion.sources.posthog.settings import PosthogSettings
from ingestion.sources.posthog.streams import COLUMNS

_SAMPLE = 200


def probe(settings: PosthogSettings, trial: Trial) -> None:
    """Some of the latest events, then a page of persons."""
    client = trial.opened(
        lambda: PosthogClient(settings, source=trial.instance, on_request=lambda status: None)
    )
    with client.http:
        trial.listen(client.http)
        newest = f"select {', '.join(COLUMNS)} from events order by created_at desc, uuid limit {_SAMPLE}"
        rows = trial.attempt(
            "events",
            lambda: client.query(newest),
            says=lambda found: "can be read" if found else "can be read; there are none",
            remedy="give the API key the scope query:read; check project_id and base_url (the app's host)",
        )
        if rows:
            _properties(settings, rows, trial)
        trial.attempt(
            "persons", lambda: next(client.persons(), []), remedy="give the API key the scope person:read"
        )


def _properties(settings: PosthogSettings, rows: list[list[Any]], trial: Trial) -> None:
    told = [orjson.loads(row[4]) if isinstance(row[4], str) else row[4] for row in rows]
    groups = {name for one in told for name in one.get("$groups") or {}}
    names = {name for one in told for name in one if not name.startswith("$")}
    for setting, found in (("account_group", groups), ("feature_property", names)):
        wanted = getattr(settings, setting)
        if wanted in found:
            trial.add(f"{setting} {wanted}", "ok", "events carry it")
            continue
        near = ", ".join(sorted(found)[:12]) or "none"
        trial.add(
            f"{setting} {wanted}",
            "warning",
            f"expected {setting} on events; none of {len(rows)} recent ones has {wanted!r}",
            f"set SOURCES__{trial.instance.upper()}__{setting.upper()}; they have: {near}",
        )
