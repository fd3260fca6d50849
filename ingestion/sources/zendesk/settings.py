"""Settings of a Zendesk connection.

Belongs here: what a company tells dlt about its Zendesk. Does not belong here: credentials' values.
"""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class ZendeskSettings(ConnectionSettings):
    """One Zendesk account.

    Fields:
        base_url: `https://<subdomain>.zendesk.com`.
        client_id, client_secret: of an OAuth client with the client-credentials grant; the way forward.
        email, api_token: the older way; all such tokens die on 30 April 2027.
        start_date: first day to read (`YYYY-MM-DD`).
        jira_integration_id: external id of the newer Jira integration; unset uses the older links endpoint.
        jira_links_every_hours: cadence of the full re-read of Jira links, which finds removed ones.
        csat_overlap_days: how far back satisfaction answers are read again, since they are filtered by the
            time when they were asked for.
        requests_per_minute, exports_per_minute, user_exports_per_minute: limits until the account's own are
            known from its headers.
        organizations_every_hours: cadence of the list of all organisations, which finds those that are gone.
        deletion_guard_ratio: share of the known organisations that one such list may declare gone; more is
            taken for a lost permission.
        organization_country_field: key of the organisations' own field that holds their country (a code or an
            English name); with it, an organisation may be matched to an account by its name.
        rows_per_slice: records that are committed together.
    """

    base_url: str = ""
    client_id: str | None = None
    client_secret: TSecretStrValue | None = None
    email: str | None = None
    api_token: TSecretStrValue | None = None
    start_date: str = "2007-01-01"
    jira_integration_id: str | None = None
    jira_links_every_hours: float = 168.0
    csat_overlap_days: float = 30.0
    requests_per_minute: int = 200
    exports_per_minute: int = 10
    user_exports_per_minute: int = 20
    organizations_every_hours: float = 24.0
    deletion_guard_ratio: float = 0.2
    organization_country_field: str = "country"
    rows_per_slice: int = 50_000
