"""Singer taps read the vendors to the end, and find the records that our connectors find."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.snapshot import Snapshot
from tests.clients.conftest import Ours
from tests.clients.running import Tap, assert_each_once

pytestmark = pytest.mark.outside_clients
SINCE = "2020-01-01T00:00:00Z"


def test_tap_jira_reads_what_we_read(
    server: SandboxServer, ours: Ours, held: Snapshot, tmp_path: Path
) -> None:
    told = Tap("tap-jira", "tap-jira", "--properties").run(
        server,
        tmp_path,
        {
            "start_date": SINCE,
            "username": credentials.JIRA_EMAIL,
            "password": credentials.JIRA_API_TOKEN,
            "base_url": f"https://{credentials.JIRA_SITE}.atlassian.net",
            "user_agent": "norte",
        },
    )

    for stream, field in (("issues", "id"), ("projects", "id"), ("versions", "id"), ("users", "accountId")):
        assert_each_once(told.values(stream, field), ours.keys("jira", stream))
    # It takes the histories that a search embeds, 40 at most per issue; the older ones it never sees.
    newest = ours.rows(
        "jira",
        """select history_id from (select distinct issue_id, history_id, changed_at from issue_changes)
        qualify row_number() over (partition by issue_id order by changed_at desc, history_id desc) <= 40""",
    )
    assert_each_once(told.values("changelogs"), {str(row[0]) for row in newest})
    living = {entity.id for entity in held.entities("issues").values() if not entity.is_deleted}
    for stream, table, column in (
        ("issue_comments", "issue_comments", "comment_id"),
        ("worklogs", "worklogs", "worklog_id"),
    ):
        wanted = {str(row[column]) for row in held.rows(table) if row["issue_id"] in living}
        assert_each_once(told.values(stream), wanted)


def test_tap_zendesk_reads_what_we_read(
    server: SandboxServer, ours: Ours, held: Snapshot, tmp_path: Path
) -> None:
    told = Tap("tap-zendesk", "tap-zendesk").run(
        server,
        tmp_path,
        {
            "start_date": SINCE,
            "subdomain": credentials.ZENDESK_SUBDOMAIN,
            "access_token": zendesk_token(server),
        },
    )

    # It leaves out what AI agents answered alone, as the export does unless it is asked for all.
    of_bots = {str(one.id) for one in held.entities("tickets").values() if one.first["is_ai_agent"]}
    assert of_bots
    assert_each_once(told.values("tickets"), ours.keys("zendesk", "tickets", gone_too=True) - of_bots)
    # What is deleted comes through the exports too; the tap keeps it as a record like any other.
    for stream in ("users", "organizations", "groups"):
        assert_each_once(told.values(stream), ours.keys("zendesk", stream, gone_too=True))
    # Of deleted tickets it asks nothing more.
    asked = ours.keys("zendesk", "tickets") - of_bots
    assert_each_once(
        told.values("ticket_metrics", "ticket_id"), ours.keys("zendesk", "ticket_metrics") & asked
    )
    comments = ours.rows("zendesk", "select comment_id, ticket_id from ticket_comments")
    assert_each_once(
        told.values("ticket_comments"), {str(key) for key, ticket in comments if ticket in asked}
    )


def test_meltano_tap_hubspot_reads_what_we_read(server: SandboxServer, ours: Ours, tmp_path: Path) -> None:
    told = Tap("meltano-tap-hubspot", "tap-hubspot").run(
        server, tmp_path, {"start_date": SINCE, "access_token": credentials.HUBSPOT_ACCESS_TOKEN}
    )

    for stream in (
        "companies",
        "contacts",
        "deals",
        "line_items",
        "products",
        "notes",
        "feedback_submissions",
    ):
        assert_each_once(told.values(stream), ours.keys("hubspot", stream))


def test_tap_salesforce_reads_what_we_read(server: SandboxServer, ours: Ours, tmp_path: Path) -> None:
    told = Tap("tap-salesforce", "tap-salesforce", "--properties").run(
        server,
        tmp_path,
        {
            "start_date": SINCE,
            "refresh_token": credentials.SALESFORCE_REFRESH_TOKEN,
            "client_id": credentials.SALESFORCE_CLIENT_ID,
            "client_secret": credentials.SALESFORCE_CLIENT_SECRET,
            "api_type": "REST",
            "select_fields_by_default": True,
        },
    )

    for stream, resource in {
        "Account": "accounts",
        "AccountHistory": "account_history",
        "Contact": "contacts",
        "Opportunity": "opportunities",
        "OpportunityHistory": "opportunity_history",
        "OpportunityFieldHistory": "opportunity_field_history",
        "OpportunityLineItem": "opportunity_line_items",
        "OpportunityStage": "opportunity_stages",
        "Product2": "products",
        "RecordType": "record_types",
        "Task": "tasks",
        "User": "users",
        "NPS_Response__c": "survey_responses",
    }.items():
        assert_each_once(told.values(stream, "Id"), ours.keys("salesforce", resource, gone_too=True))


def test_tap_intercom_reads_what_we_read(server: SandboxServer, ours: Ours, tmp_path: Path) -> None:
    told = Tap("tap-intercom", "tap-intercom").run(
        server,
        tmp_path,
        {"start_date": SINCE, "access_token": credentials.INTERCOM_ACCESS_TOKEN, "user_agent": "norte"},
    )

    for stream in ("conversations", "contacts", "companies", "admins", "teams", "conversation_parts"):
        assert_each_once(told.values(stream), ours.keys("intercom", stream))


def test_tap_mixpanel_reads_what_we_read(
    server: SandboxServer, ours: Ours, held: Snapshot, tmp_path: Path
) -> None:
    told = Tap("tap-mixpanel", "tap-mixpanel").run(
        server,
        tmp_path,
        {
            "start_date": (held.meta.starts_at - timedelta(days=2)).strftime("%Y-%m-%dT00:00:00Z"),
            "project_timezone": "UTC",
            "api_secret": credentials.MIXPANEL_PROJECT_SECRET,
            "attribution_window": "5",
            "date_window_size": "30",
            "user_agent": "norte",
        },
    )

    # The tap keeps what Mixpanel tells twice; an event without an insert id has another key with us.
    wanted = ours.rows(
        "mixpanel", "select distinct json_extract_string(payload, '$.properties.\"$insert_id\"') from events"
    )
    assert set(told.values("export", "mp_reserved_insert_id")) == {str(row[0]) for row in wanted}
    assert_each_once(told.values("engage", "distinct_id"), ours.keys("mixpanel", "profiles"))


def test_tap_amplitude_reads_what_we_read(
    server: SandboxServer, ours: Ours, held: Snapshot, tmp_path: Path
) -> None:
    first = held.meta.starts_at - timedelta(days=2)
    begins = first.replace(hour=0, minute=0, second=0, tzinfo=None)
    told = Tap("tap-amplitude-api", "tap-amplitude-api").run(
        server,
        tmp_path,
        {"auth_user": credentials.AMPLITUDE_API_KEY, "auth_password": credentials.AMPLITUDE_SECRET_KEY},
        state={"event": begins.strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    )

    # It reads whole days from its state on and leaves the day under way for later; the hour in which one day
    # ends and the next begins comes twice.
    days = (datetime.now(UTC).replace(tzinfo=None) - begins).days
    until = begins + timedelta(days=days, hours=1)
    wanted = ours.rows("amplitude", f"select uuid from events where uploaded_at < timestamp '{until}'")
    assert set(told.values("event", "uuid")) == {str(row[0]) for row in wanted}


def zendesk_token(server: SandboxServer) -> str:
    """An access token, as an administrator would make one for the tap."""
    asked = urllib.request.Request(
        f"{server.base_url}/zendesk/oauth/tokens",
        data=json.dumps(
            {
                "grant_type": "client_credentials",
                "client_id": credentials.ZENDESK_CLIENT_ID,
                "client_secret": credentials.ZENDESK_CLIENT_SECRET,
                "scope": "read",
            }
        ).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=60) as answer:
        return str(json.load(answer)["access_token"])
