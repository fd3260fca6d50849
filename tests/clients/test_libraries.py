"""Libraries that people write their own connectors with read the records that our connectors read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from tests.clients.conftest import Ours
from tests.clients.running import assert_each_once, node, python

pytestmark = pytest.mark.outside_clients
needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="there is no Node here; install node and npm to run its clients too"
)
OBJECTS = {
    "Account": "accounts",
    "Contact": "contacts",
    "Opportunity": "opportunities",
    "OpportunityHistory": "opportunity_history",
    "OpportunityLineItem": "opportunity_line_items",
    "Task": "tasks",
    "User": "users",
}
SALESFORCE = f"https://{credentials.SALESFORCE_DOMAIN}.my.salesforce.com"


def test_simple_salesforce_reads_what_we_read(server: SandboxServer, ours: Ours, tmp_path: Path) -> None:
    told = python(
        "simple-salesforce",
        "simple_salesforce.py",
        server,
        tmp_path,
        {
            "domain": f"{credentials.SALESFORCE_DOMAIN}.my",
            "key": credentials.SALESFORCE_CLIENT_ID,
            "secret": credentials.SALESFORCE_CLIENT_SECRET,
            "objects": list(OBJECTS),
            # It looks at a job every five seconds.
            "in_bulk": ["Contact", "OpportunityHistory"],
        },
    )

    for name, resource in OBJECTS.items():
        known = ours.keys("salesforce", resource, gone_too=True)
        assert_each_once(told["rest"][name], known)
        assert_each_once(told["bulk"].get(name, told["rest"][name]), known)
        assert {"Id"} < set(told["fields"][name])


@needs_node
def test_jsforce_reads_what_we_read(server: SandboxServer, ours: Ours, now: datetime, tmp_path: Path) -> None:
    told = node(
        "jsforce.cjs",
        server,
        tmp_path,
        {
            "url": SALESFORCE,
            "key": credentials.SALESFORCE_CLIENT_ID,
            "secret": credentials.SALESFORCE_CLIENT_SECRET,
            "objects": list(OBJECTS),
            "from": (now - timedelta(days=29)).isoformat(),
            "until": now.isoformat(),
        },
    )

    for name, resource in OBJECTS.items():
        assert_each_once(told["rest"][name], ours.keys("salesforce", resource))
        assert_each_once(told["bulk"][name], ours.keys("salesforce", resource))
    assert set(OBJECTS) < set(told["objects"])
    ever = ours.keys("salesforce", "contacts", gone_too=True)
    assert set(told["deleted"]["Contact"]) <= ever - ours.keys("salesforce", "contacts")


def test_python_intercom_reads_what_we_read(server: SandboxServer, ours: Ours, tmp_path: Path) -> None:
    token = {"token": credentials.INTERCOM_ACCESS_TOKEN}
    told = python("python-intercom", "python_intercom.py", server, tmp_path, token)

    for resource in ("conversations", "contacts", "admins", "teams"):
        assert_each_once(told[resource], ours.keys("intercom", resource))
    assert_each_once(told["companies"], with_people(ours))


@needs_node
def test_intercom_client_reads_what_we_read(server: SandboxServer, ours: Ours, tmp_path: Path) -> None:
    told = node("intercom_client.cjs", server, tmp_path, {"token": credentials.INTERCOM_ACCESS_TOKEN})

    for resource in ("conversations", "contacts", "admins"):
        assert_each_once(told[resource], ours.keys("intercom", resource))
    assert_each_once(told["companies"], with_people(ours))


@pytest.mark.parametrize(
    "site",
    [
        {
            "url": f"https://{credentials.JIRA_SITE}.atlassian.net",
            "name": credentials.JIRA_EMAIL,
            "password": credentials.JIRA_API_TOKEN,
        },
        {
            "url": "https://jira.norte-sandbox.example",
            "token": credentials.JIRA_PERSONAL_ACCESS_TOKEN,
        },
    ],
    ids=["cloud", "data center"],
)
def test_atlassian_python_api_reads_what_we_read(
    server: SandboxServer, ours: Ours, tmp_path: Path, site: Mapping[str, Any]
) -> None:
    told = python("atlassian-python-api", "atlassian_python_api.py", server, tmp_path, site)

    for resource in ("issues", "versions", "boards", "sprints"):
        assert_each_once(told[resource], ours.keys("jira", resource))


def with_people(ours: Ours) -> set[str]:
    """Companies that somebody belongs to: Intercom's list has no others, the scroll that we read has."""
    rows = ours.rows("intercom", "select distinct company_id from contacts where not _is_deleted")
    return {str(row[0]) for row in rows} & ours.keys("intercom", "companies")
