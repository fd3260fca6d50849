"""One invented company whose systems are of one vendor or another, run through the whole job each way.

Belongs here: which vendors a way has, how the company's files name their records, running it. Does not belong
here: what is compared.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.vendors.intercom.inbox import company_id
from ingestion.sandbox.vendors.salesforce.org import salesforce_id
from ingestion.sandbox.world.company import Systems, write_company
from ingestion.sandbox.world.world import World
from tests.integration.company import NORTE

PATIENCE_SECONDS = 1500

DATA_CENTER = {
    "DEPLOYMENT": "data_center",
    "BASE_URL": "{server}/jira_data_center",
    "ACCESS_TOKEN": credentials.JIRA_PERSONAL_ACCESS_TOKEN,
}


@dataclass(frozen=True)
class Way:
    """The vendors of a company.

    Arguments:
        sources: names of the connections.
        systems: how the governance files name records.
        settings: of single connections, by instance; `{server}` is the sandbox's address.
    """

    sources: tuple[str, ...]
    systems: Systems = field(default_factory=Systems)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


USUAL = Way(("hubspot", "zendesk", "mixpanel", "jira"))
OTHER = Way(
    ("salesforce", "intercom", "amplitude", "jira"),
    Systems(
        crm="salesforce",
        support="intercom",
        account_ref=lambda number: f"salesforce:{salesforce_id('Account', number)}",
        organisation_id=company_id,
    ),
    {"jira": DATA_CENTER},
)
# A second site with the ids of the first, and the third vendor of product events.
TWO_SITES = Way(
    ("hubspot", "zendesk", "posthog", "jira", "jira_emea"),
    settings={"jira_emea": {"SOURCE": "jira"} | DATA_CENTER},
)


def run(way: Way, world: World, now: datetime, server: SandboxServer, home: Path) -> Path:
    """Runs the whole job on what the server serves at `now`; returns the published file."""
    meta = world.meta
    files = home / "company"
    write_company(world, now, files, way.systems)
    settings = {
        **server.env(),
        "SOURCES__ENABLED": ",".join([*way.sources, "governance"]),
        "SOURCES__GOVERNANCE__DIRECTORY": str(files),
        "NORTE_HOME": str(home),
        "COLUMNS": "200",
        "NORTE_NOW": now.isoformat(),
        "NORTE_TIME_ZONE": meta.time_zone,
        "NORTE_OWN_EMAIL_DOMAINS": meta.own_domain,
        "NORTE_ANALYTICS_STARTS_ON": meta.starts_at.date().isoformat(),
        "NORTE_RETRY_COUNT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    for instance, values in way.settings.items():
        for name, value in values.items():
            settings[f"SOURCES__{instance.upper()}__{name}"] = value.format(server=server.base_url)
    done = subprocess.run(
        [str(NORTE), "run"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return home / "published" / "current" / "norte.duckdb"
