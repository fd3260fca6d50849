"""Trying an Amplitude connection out.

Belongs here: one hour of events, and whether they carry what the settings name. Does not belong here: how
findings are made (`ingestion/probing.py`).
"""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import timedelta
from typing import Any

import orjson

from ingestion.probing import Trial
from ingestion.sources.amplitude.client import AmplitudeClient
from ingestion.sources.amplitude.settings import AmplitudeSettings

_SAMPLE = 200
_HOURS = 24
_KEYS = "check api_key and secret_key (Settings, Projects), and base_url for projects in the EU"


def probe(settings: AmplitudeSettings, trial: Trial) -> None:
    """The events of a day that is complete."""
    client = trial.opened(
        lambda: AmplitudeClient(settings, source=trial.instance, on_request=lambda status: None)
    )
    with client.http:
        trial.listen(client.http)
        last = trial.now() - timedelta(hours=settings.settling_hours)
        first = last - timedelta(hours=_HOURS)
        events = trial.attempt(
            "events",
            lambda: _sample(client, f"{first:%Y%m%dT%H}", f"{last:%Y%m%dT%H}"),
            says=lambda found: "can be read" if found else f"can be read; none in the last {_HOURS} hours",
            remedy=_KEYS,
        )
        if events:
            _properties(settings, events, trial)


def _sample(client: AmplitudeClient, first: str, last: str) -> list[dict[str, Any]]:
    answer = client.http.get("/api/2/export", {"start": first, "end": last}, accept=(404,))
    if answer.status_code == 404:
        return []
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".gz"))
        lines = gzip.decompress(archive.read(member)).splitlines()
    return [orjson.loads(line) for line in lines[:_SAMPLE]]


def _properties(settings: AmplitudeSettings, events: list[dict[str, Any]], trial: Trial) -> None:
    for part, setting in (
        ("groups", "group_type"),
        ("event_properties", "feature_property"),
        ("user_properties", "email_property"),
    ):
        name = getattr(settings, setting)
        names = {key for event in events for key in event.get(part) or {}}
        if name in names:
            trial.add(f"{part}.{name}", "ok", "events carry it")
            continue
        near = ", ".join(sorted(names)[:12]) or "none"
        trial.add(
            f"{part}.{name}",
            "warning",
            f"expected {setting} in {part}; none of {len(events)} recent events has {name!r}",
            f"set SOURCES__{trial.instance.upper()}__{setting.upper()}; they have: {near}",
        )
