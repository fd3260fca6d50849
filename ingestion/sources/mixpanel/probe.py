"""Trying a Mixpanel connection out.

Belongs here: one small request per list that a run reads, and whether events carry the properties that the
settings name. Does not belong here: how findings are made (`ingestion/probing.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ingestion.probing import Trial
from ingestion.sources.mixpanel.client import MixpanelClient
from ingestion.sources.mixpanel.settings import MixpanelSettings

_SAMPLE = 200
_DAYS = 7
_ROLE = "give the service account the role Consumer on the project (Project Settings, Service Accounts)"


def probe(settings: MixpanelSettings, trial: Trial) -> None:
    """Some events of the last week, then one page of each list of profiles: four of 60 queries an hour."""
    client = trial.opened(
        lambda: MixpanelClient(settings, source=trial.instance, on_request=lambda status: None)
    )
    try:
        trial.listen(client.data)
        today = trial.now().date()
        events = trial.attempt(
            "events",
            lambda: client.sample((today - timedelta(days=_DAYS)).isoformat(), today.isoformat(), _SAMPLE),
            says=lambda found: "can be read" if found else f"can be read; none in the last {_DAYS} days",
            remedy=f"{_ROLE}; check project_id, and data_base_url for projects in the EU or India",
        )
        if events:
            _properties(settings, events, trial)
            _events_named(client, trial)
        trial.attempt("profiles", lambda: next(client.profiles()), remedy=_ROLE)
        if settings.data_group_id:
            group = settings.data_group_id
            trial.attempt("group profiles", lambda: next(client.profiles(data_group_id=group)), remedy=_ROLE)
        else:
            trial.add("group profiles", "ok", "left out: data_group_id is not set")
        trial.add("limits", "ok", "60 queries an hour, as Mixpanel documents; it announces none")
    finally:
        client.close()


def _properties(settings: MixpanelSettings, events: list[dict[str, Any]], trial: Trial) -> None:
    names = {name for event in events for name in event.get("properties") or {}}
    for setting in ("account_property", "feature_property"):
        name = getattr(settings, setting)
        if name in names:
            trial.add(f"property {name}", "ok", "events carry it")
            continue
        near = ", ".join(sorted(one for one in names if not one.startswith(("$", "mp_")))[:12])
        trial.add(
            f"property {name}",
            "warning",
            f"expected {setting} on events; none of {len(events)} recent ones has {name!r}",
            f"set SOURCES__{trial.instance.upper()}__{setting.upper()}; they have: {near or 'no own ones'}",
        )


def _events_named(client: MixpanelClient, trial: Trial) -> None:
    """Whether the events that count as use, or as activation, are sent at all."""
    analytics = trial.mappings.get("analytics") or {}
    activation = (analytics.get("activation") or {}).get("events") or []
    wanted = [*(analytics.get("value_events") or []), *(one.get("name") for one in activation)]
    names = set(client.event_names()) if wanted else set()
    missing = sorted({str(name) for name in wanted} - names)
    if missing:
        trial.add(
            "events of mappings.yml",
            "warning",
            f"expected events that are sent; {', '.join(missing)} did not come lately",
            f"correct value_events and activation; sent are: {', '.join(sorted(names)[:12]) or 'none'}",
        )
    elif wanted:
        trial.add("events of mappings.yml", "ok", "are sent")
