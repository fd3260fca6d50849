"""Trying a Salesforce connection out.

Belongs here: signing in, one cheap request per object that a run reads, and the org's own fields. Does not
belong here: how findings are made (`ingestion/probing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.errors import RequestRefused
from ingestion.probing import Trial
from ingestion.sources.salesforce.client import NotFoundError, SalesforceClient
from ingestion.sources.salesforce.records import readable_fields
from ingestion.sources.salesforce.resources import OBJECTS, SObject
from ingestion.sources.salesforce.settings import SalesforceSettings

_APP = (
    "check base_url (the org's own domain), client_id and client_secret; in Setup, External Client "
    "App Manager, "
    "the app needs the scope api, the client credentials flow, and a user to run as"
)


def probe(settings: SalesforceSettings, trial: Trial) -> None:
    """Signing in first, which tells whether the app is good at all; then each object."""
    client = trial.opened(
        lambda: SalesforceClient(settings, source=trial.instance, on_request=lambda status: None)
    )
    with client:
        http = trial.attempt("sign-in", lambda: client.http, says=lambda _: "the app works", remedy=_APP)
        if http is None:
            return
        trial.listen(http)
        for kind in OBJECTS:
            _object(client, settings, kind, trial)
        _limits(client, settings, trial)


def _object(client: SalesforceClient, settings: SalesforceSettings, kind: SObject, trial: Trial) -> None:
    name = kind.object_name(settings)
    if not name:
        trial.add(kind.resource.name, "ok", "switched off in the settings")
        return
    described = trial.attempt(
        kind.resource.name,
        lambda: _described(client, name),
        says=lambda found: f"{name} can be read, {len(readable_fields(found))} fields",
        remedy=f"give the integration user the right to read {name} (a permission set), or switch it off",
        without=f"{kind.resource.name} are left out" if kind.is_optional else "",
    )
    if described is None:
        return
    names = readable_fields(described)
    for setting, field in kind.own_fields(settings).items():
        if not field or field in names:
            continue
        trial.add(
            f"{name}.{field}",
            "warning",
            f"expected {setting} to name a field of {name}; there is none that this user may read",
            f"set SOURCES__{trial.instance.upper()}__{setting.upper()} to its API name (Setup, "
            f"Object Manager, "
            f"{name}, Fields), or give the integration user the right to read it; without it its "
            f"column stays "
            "empty",
        )


def _described(client: SalesforceClient, name: str) -> Mapping[str, Any]:
    try:
        return client.describe(name)
    except NotFoundError:
        raise RequestRefused(
            f"the org to have {name}",
            "nothing of that name that this user may see",
            f"give the integration user the right to read {name} (a permission set)",
        ) from None


def _limits(client: SalesforceClient, settings: SalesforceSettings, trial: Trial) -> None:
    if client.api_usage is None:
        trial.add("limits", "ok", "not announced")
        return
    used, most = client.api_usage
    status: Any = "ok" if used < most * settings.most_api_usage_pct / 200 else "warning"
    trial.add(
        "limits",
        status,
        f"{used:,} of {most:,} API requests of 24 hours are used",
        "" if status == "ok" else f"see what else uses them; runs stop at {settings.most_api_usage_pct:g} %",
    )
