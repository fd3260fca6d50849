"""Trying a HubSpot connection out.

Belongs here: one cheap request per list that a run reads, and the account's own properties. Does not belong
here: how findings are made (`ingestion/probing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingestion.probing import Trial
from ingestion.sources.hubspot.client import HubSpotClient
from ingestion.sources.hubspot.resources import OBJECT_TYPES, ObjectType
from ingestion.sources.hubspot.settings import HubSpotSettings

# The properties that a company names itself: column, and the setting that names it.
_OWN_PROPERTIES = {
    "segment": "segment_property",
    "is_test_account": "test_account_property",
    "closed_lost_reason": "loss_reason_property",
    "closed_lost_reason_text": "loss_reason_text_property",
}
_SCOPES = {
    "products": "e-commerce",
    # Notes are read with the rights on contacts.
    "notes": "crm.objects.contacts.read",
}


def probe(settings: HubSpotSettings, trial: Trial) -> None:
    """Owners first, which tell whether the token is good at all; then each list."""
    client = trial.opened(
        lambda: HubSpotClient(settings, source=trial.instance, on_request=lambda status: None)
    )
    with client.http:
        trial.listen(client.http)
        trial.attempt(
            "owners",
            lambda: next(client.owners(is_archived=False), None),
            remedy=_scope("crm.objects.owners.read"),
        )
        for kind in OBJECT_TYPES:
            _objects(client, settings, kind, trial)
        trial.attempt("pipelines", lambda: client.pipelines("deals"), remedy=_scope("crm.objects.deals.read"))
        _limits(client, settings, trial)


def _objects(client: HubSpotClient, settings: HubSpotSettings, kind: ObjectType, trial: Trial) -> None:
    remedy = _scope(_SCOPES.get(kind.name, f"crm.objects.{kind.name}.read"))
    without = f"{kind.name} are left out" if kind.is_optional else ""

    def read() -> list[dict[str, Any]]:
        page, _ = next(client.objects(kind.name, properties=[kind.cursor]))
        return page

    page = trial.attempt(kind.name, read, says=_some, remedy=remedy, without=without)
    if page is None:
        return
    names = trial.attempt(
        f"properties of {kind.name}",
        lambda: set(client.properties(kind.name)),
        says=lambda found: f"{len(found)} of them",
        remedy=_scope(f"crm.schemas.{kind.name}.read"),
        without=without,
    )
    for column, setting in _OWN_PROPERTIES.items():
        if names is not None and column in kind.property_columns:
            _own_property(settings, kind, setting, names, trial)
    if page and kind.associations:
        to_type, key = kind.associations[0], str(page[0].get("id"))
        associations: Callable[[], Any] = lambda: client.associations(kind.name, to_type, [key])  # noqa: E731
        trial.attempt(f"associations of {kind.name}", associations, remedy=remedy)


def _own_property(
    settings: HubSpotSettings, kind: ObjectType, setting: str, names: set[str], trial: Trial
) -> None:
    name = getattr(settings, setting)
    if name in names:
        trial.add(f"property {name}", "ok", f"exists on {kind.name}")
        return
    trial.add(
        f"property {name}",
        "warning",
        f"expected {setting} to name a property of {kind.name}; there is no {name!r}",
        f"set SOURCES__{trial.instance.upper()}__{setting.upper()} to its internal name in HubSpot "
        "(Settings, Properties), or make it there; without it the column stays empty",
    )


def _limits(client: HubSpotClient, settings: HubSpotSettings, trial: Trial) -> None:
    headers = client.http.last_headers
    burst = headers.get("X-HubSpot-RateLimit-Max", "")
    if not burst.isdecimal():
        trial.add("limits", "ok", f"not announced; {settings.requests_per_10_seconds} in 10 s are assumed")
        return
    daily = headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
    rest = f", {int(daily):,} left today" if daily.isdecimal() else ""
    trial.add("limits", "ok", f"the plan allows {burst} requests in 10 s{rest}")


def _some(page: list[Any]) -> str:
    return "can be read" if page else "can be read; there are none"


def _scope(name: str) -> str:
    return f"give the token the scope {name} (HubSpot: Settings, Integrations, the app's Scopes tab)"
