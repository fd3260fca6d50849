"""Trying an Intercom connection out.

Belongs here: one cheap request per list that a run reads. Does not belong here: how findings are made
(`ingestion/probing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingestion.probing import Trial
from ingestion.sources.intercom.client import IntercomClient
from ingestion.sources.intercom.settings import IntercomSettings

_HOUR = 3600


def probe(settings: IntercomSettings, trial: Trial) -> None:
    """The token and the workspace, then each list; searches from an hour ago, so that little comes back."""
    client = trial.opened(
        lambda: IntercomClient(settings, source=trial.instance, on_request=lambda status: None)
    )
    with client:
        trial.listen(client.http)
        trial.attempt(
            "authentication",
            lambda: client.http.get_json("me", require=("app",)),
            says=_workspace,
        )
        _lists(client, int(trial.now().timestamp()), trial)
        limit = client.http.last_headers.get("X-RateLimit-Limit", "")
        told = f"the app may send {limit} requests in 10 seconds" if limit.isdecimal() else "not announced"
        trial.add("limits", "ok", told)


def _lists(client: IntercomClient, now: int, trial: Trial) -> None:
    first: dict[str, tuple[Callable[[], Any], str]] = {
        "conversations": (
            lambda: next(
                client.changed("conversations", "conversations", since=now - _HOUR, before=now), None
            ),
            "Read conversations",
        ),
        "deleted conversations": (
            lambda: next(client.deletions(now), None),
            "Read conversations",
        ),
        "contacts": (
            lambda: next(client.changed("contacts", "data", since=now - _HOUR, before=now), None),
            "Read and list users and companies",
        ),
        # The scroll is the run's; the list tells as well whether companies may be read.
        "companies": (
            lambda: client.http.post_json("companies/list", {}, require=("data",)),
            "Read and list users and companies",
        ),
        "admins": (lambda: client.whole("admins", "admins"), "Read one admin and list admins"),
        "teams": (lambda: client.whole("teams", "teams"), "Read one admin and list admins"),
    }
    for name, (request, permission) in first.items():
        trial.attempt(
            name, request, remedy=f"give the app the permission '{permission}' in Intercom's Developer Hub"
        )


def _workspace(found: Any) -> str:
    app = found["app"] or {}
    return f"workspace {app.get('id_code')}, time zone {app.get('timezone')}, region {app.get('region')}"
