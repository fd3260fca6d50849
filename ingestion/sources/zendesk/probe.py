"""Trying a Zendesk connection out.

Belongs here: one cheap request per list that a run reads. Does not belong here: how findings are made
(`ingestion/probing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingestion.probing import Trial
from ingestion.sources.zendesk.client import ZendeskClient
from ingestion.sources.zendesk.settings import ZendeskSettings

_ADMINISTRATOR = (
    "exports need an administrator: let the OAuth client (or the token) belong to one, with the scope 'read'"
)
_HOUR = 3600


def probe(settings: ZendeskSettings, trial: Trial) -> None:
    """The token, then each list; the exports from an hour ago, so that little comes back."""
    client = trial.attempt(
        "authentication",
        lambda: ZendeskClient(settings, source=trial.instance, on_request=lambda status: None),
        says=lambda made: "a token was given" if settings.client_id else "by API token",
    )
    if client is None:
        return
    with client.http:
        trial.listen(client.http)
        _lists(client, settings, int(trial.now().timestamp()) - _HOUR, trial)


def _lists(client: ZendeskClient, settings: ZendeskSettings, since: int, trial: Trial) -> None:
    first: dict[str, Callable[[], Any]] = {
        "groups": lambda: next(client.listed("groups", "groups"), None),
        "tickets": lambda: next(
            client.export_by_cursor(
                "tickets", "tickets", bucket="incremental-exports", start_time=since, cursor=None
            )
        ),
        "users": lambda: next(
            client.export_by_cursor(
                "users", "users", bucket="incremental-exports-cursor", start_time=since, cursor=None
            )
        ),
        "organizations": lambda: next(
            client.export_by_time("organizations", "organizations", start_time=since)
        ),
        "ticket_events": lambda: next(
            client.export_by_time(
                "ticket_events", "ticket_events", start_time=since, params={"include": "comment_events"}
            )
        ),
    }
    for name, request in first.items():
        trial.attempt(name, request, remedy=_ADMINISTRATOR)
    _limits(client, settings, trial)
    surveys = trial.attempt(
        "satisfaction surveys",
        lambda: list(_first(client, "guide/survey_responses", "survey_responses", since * 1000)),
        remedy="nothing, if the plan has the older ratings only",
        without="the older ratings are read instead",
    )
    if surveys is None:
        trial.attempt(
            "satisfaction ratings",
            lambda: list(_first(client, "satisfaction_ratings.json", "satisfaction_ratings", None)),
            remedy="switch satisfaction on in Zendesk",
            without="satisfaction stays empty",
        )
    integration = settings.jira_integration_id
    trial.attempt(
        "links to Jira",
        lambda: next(
            client.listed(f"integrations/jira/{integration}/links", "links")
            if integration
            else client.older_jira_links(0),
            None,
        ),
        remedy="install the Jira integration and switch on 'manage links' for the API, or set "
        f"SOURCES__{trial.instance.upper()}__JIRA_INTEGRATION_ID for the newer integration",
        without="links from tickets to issues stay empty",
    )


def _first(client: ZendeskClient, path: str, key: str, since_ms: int | None) -> Any:
    params = {} if since_ms is None else {"filter[created_at_start]": since_ms}
    one = next(client.listed(path, key, params), None)
    return [] if one is None else [one]


def _limits(client: ZendeskClient, settings: ZendeskSettings, trial: Trial) -> None:
    headers = client.http.last_headers
    limit = headers.get("X-Rate-Limit") or headers.get("ratelimit-limit") or ""
    if limit.isdecimal():
        trial.add("limits", "ok", f"the plan allows {limit} requests a minute")
    else:
        trial.add("limits", "ok", f"not announced; {settings.requests_per_minute} a minute are assumed")
