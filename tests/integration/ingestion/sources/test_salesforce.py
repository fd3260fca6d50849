"""Salesforce's connector and the pipeline against the sandbox: counts are the world's, by REST and by
bulk.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import RateLimited, ServerFailed, Unauthorized
from ingestion.probing import Trial
from ingestion.registry import connection, settings_of
from ingestion.sandbox.vendors.salesforce.org import salesforce_id
from ingestion.sandbox.world.schema import CHANGES
from ingestion.sources.salesforce.client import SalesforceClient
from ingestion.sources.salesforce.probe import probe
from ingestion.sources.salesforce.settings import SalesforceSettings

# Raw table to the object, the world's table behind it, and that table's key.
OBJECTS = {
    "accounts": ("Account", "accounts", "account_id"),
    "contacts": ("Contact", "people", "person_id"),
    "opportunities": ("Opportunity", "deals", "deal_id"),
    "opportunity_line_items": ("OpportunityLineItem", "contracts", "contract_id"),
    "products": ("Product2", "plans", "plan_id"),
    "tasks": ("Task", "notes", "note_id"),
    "survey_responses": ("NPS_Response__c", "survey_responses", "response_id"),
}
BULK = {"bulk_from_rows": 1, "poll_seconds": 0.01, "rows_per_result": 40}


@pytest.fixture
def salesforce(account: Callable[..., Any]) -> Any:
    return account("salesforce")


def expected(world: Any, resource: str, now: Any) -> set[str]:
    """Ids that the world shows at `now`."""
    kind, table, key = OBJECTS[resource]
    rows = world.visible(table, now) if table not in CHANGES else world.state(table, now)
    if table in CHANGES:
        rows = rows[~rows["is_deleted"]]
        if "merged_into" in rows:
            rows = rows[rows["merged_into"].isna()]
    if table == "contracts":
        # Line items go where their opportunity goes.
        deals = world.state("deals", now)
        rows = rows[rows["deal_id"].isin(deals[~deals["is_deleted"]]["deal_id"])]
    return {str(salesforce_id(kind, int(number))) for number in rows[key]}


def assert_all_there(salesforce: Any, now: Any) -> None:
    for resource in OBJECTS:
        wanted = expected(salesforce.world, resource, now)
        assert (salesforce.alive(resource) if wanted else set()) == wanted, (resource, now)


@pytest.mark.parametrize("settings", [{}, BULK], ids=["rest", "bulk"])
def test_a_first_load_has_every_record_and_every_stage_of_the_world(
    salesforce: Any, settings: dict[str, Any]
) -> None:
    now = salesforce.world.meta.as_of
    summary = salesforce.load(now, **settings)
    assert_all_there(salesforce, now)
    assert summary.rows_rejected == {}
    routes = salesforce.server.requests()["vendors"]["salesforce"]["routes"]
    assert any("jobs/query" in route for route in routes) == bool(settings)
    assert salesforce.statuses().keys() <= {"200", "204"}
    deals = salesforce.world.state("deals", now)
    deals = set(deals[~deals["is_deleted"]]["deal_id"])
    changes = salesforce.world.changes("deals", now)
    stages = changes[(changes["field"] == "stage_id") & changes["deal_id"].isin(deals)]
    found = salesforce.query(
        """select count(*) from (
            select stage_name, lag(stage_name) over (partition by opportunity_id order by created_at) as
            before
            from raw_salesforce.opportunity_history) where before is distinct from stage_name"""
    )
    assert found == [(len(stages) + len(deals),)]
    assert len(salesforce.alive("pipeline_stages")) == len(salesforce.world.visible("deal_stages", now))


def test_rest_and_bulk_tell_the_same_versions(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    salesforce.load(now)
    again = salesforce.load(now, **BULK, reread_every_days=0)
    assert again.rows_loaded == {}
    # Each job was read to its end, and none was given up for REST.
    assert salesforce.server.requests()["vendors"]["salesforce"]["statuses"].keys() <= {"200", "204"}
    routes = salesforce.server.requests()["vendors"]["salesforce"]["routes"]
    assert any("jobs/query" in route for route in routes)


def test_every_day_loads_only_what_is_new_and_ends_with_the_worlds_records(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    first = salesforce.load(now)
    assert salesforce.load(now).rows_loaded == {}
    for _ in range(2):
        now += timedelta(days=3)
        later = salesforce.load(now)
        assert sum(later.rows_loaded.values()) < sum(first.rows_loaded.values()) / 2
        assert_all_there(salesforce, now)
    assert salesforce.statuses().keys() <= {"200", "204"}


def test_what_left_the_bin_while_nothing_ran_is_found_gone_by_the_full_read(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    salesforce.load(now)
    salesforce.server.set_scenario({"faults": {"salesforce": [{"kind": "deletions", "every": 10}]}})
    later = now + timedelta(days=16)
    salesforce.load(later, reread_every_days=99)
    gone = {
        str(salesforce_id("Opportunity", int(number)))
        for number in salesforce.world.visible("deals", now)["deal_id"]
        if number % 10 == 0
    }
    assert gone & salesforce.alive("opportunities"), "nothing tells of them"
    salesforce.load(later, reread_every_days=7)
    assert not gone & salesforce.alive("opportunities")


def test_a_deletion_in_the_bin_is_a_tombstone_with_its_content(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    salesforce.load(now)
    salesforce.server.set_scenario({"faults": {"salesforce": [{"kind": "deletions", "every": 10}]}})
    salesforce.load(now + timedelta(hours=1))
    rows = salesforce.query(
        "select _key, name from raw_salesforce.opportunities where _is_deleted and _extracted_at > "
        f"timestamp '{now:%Y-%m-%d %H:%M:%S}'"
    )
    assert rows and all(name for _, name in rows)
    assert not {key for key, _ in rows} & salesforce.alive("opportunities")


def test_a_session_that_ends_in_the_middle_is_renewed(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    salesforce.server.set_scenario({"plan": {"salesforce": {"session_seconds": 0.25, "page": 20}}})
    salesforce.load(now)
    assert salesforce.statuses()["401"] >= 1
    assert salesforce.alive("contacts") == expected(salesforce.world, "contacts", now)


def test_all_requests_go_to_the_address_that_came_with_the_token(vendor: Any) -> None:
    """Who signs in at one host may be answered by another."""
    org = vendor.base_url.replace("127.0.0.1", "localhost")
    vendor.on("services/oauth2/token", {"access_token": "t", "instance_url": org, "issued_at": "1"})
    described = f"services/data/v{SalesforceSettings().api_version}/sobjects/Account/describe"
    vendor.on(described, {"fields": [{"name": "Id", "type": "id"}]})
    settings = SalesforceSettings(base_url=vendor.base_url, client_id="id", client_secret="secret")
    with SalesforceClient(settings, source="salesforce", on_request=lambda status: None) as client:
        assert client.describe("Account")["fields"]

    assert {one.headers["Host"] for one in vendor.asked(described)} == {org.partition("://")[2]}


def test_the_used_up_daily_limit_ends_the_run_with_what_to_do(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    with pytest.raises(RateLimited, match="most_api_usage_pct"):
        salesforce.load(now, most_api_usage_pct=0.01)
    salesforce.server.set_scenario({"plan": {"salesforce": {"daily": 21}}})
    with pytest.raises(RateLimited, match=r"403 TotalRequests.*Company Information"):
        salesforce.load(now, most_api_usage_pct=100)
    salesforce.server.set_scenario({"plan": {"salesforce": {"daily": 100_000}}})


def test_a_load_that_broke_off_goes_on_and_ends_with_the_worlds_records(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    cut = {"kind": "server_error", "page": 3, "times": 2, "path": r"/results$"}
    salesforce.server.set_scenario({"faults": {"salesforce": [cut]}})
    with pytest.raises(ServerFailed, match="results"):
        salesforce.load(now, **BULK, rows_per_slice=20, retry_attempts=2)
    salesforce.server.set_scenario("healthy")
    now += timedelta(days=1)
    salesforce.load(now, **BULK, rows_per_slice=20)
    assert_all_there(salesforce, now)


def test_a_cut_result_is_asked_for_again(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    cut = {"kind": "malformed_page", "page": 2, "times": 1, "path": r"/results$"}
    salesforce.server.set_scenario({"faults": {"salesforce": [cut]}})
    salesforce.load(now, **BULK)
    assert_all_there(salesforce, now)


def test_an_org_without_bulk_or_with_dying_lists_is_read_all_the_same(salesforce: Any) -> None:
    now = salesforce.world.meta.as_of
    salesforce.server.set_scenario({"plan": {"salesforce": {"bulk": False, "page": 50}}})
    salesforce.load(now, **BULK)
    assert_all_there(salesforce, now)
    salesforce.server.set_scenario({"plan": {"salesforce": {}}})


def test_an_org_with_less_is_read_without_it(salesforce: Any, caplog: pytest.LogCaptureFixture) -> None:
    now = salesforce.world.meta.as_of
    less = {
        "missing_objects": ["AccountHistory", "NPS_Response__c", "RecordType"],
        "missing_fields": ["Account.Segment__c"],
    }
    salesforce.server.set_scenario({"plan": {"salesforce": less}})
    salesforce.load(now)
    assert salesforce.alive("accounts") == expected(salesforce.world, "accounts", now)
    assert salesforce.query("select count(segment) from raw_salesforce.accounts") == [(0,)]
    assert "Segment__c" in caplog.text and "NPS_Response__c is left out" in caplog.text
    trial = Trial("salesforce", clock=lambda: now)
    probe(settings_of(connection("salesforce")), trial)
    told = {one.subject: one.status for one in trial.findings}
    assert told["Account.Segment__c"] == told["survey_responses"] == "warning"
    assert told["sign-in"] == told["opportunities"] == told["limits"] == "ok"
    salesforce.server.set_scenario({"plan": {"salesforce": {}}})


def test_a_refused_app_is_told_with_what_to_check(salesforce: Any) -> None:
    with pytest.raises(Unauthorized, match="client credentials flow"):
        salesforce.load(salesforce.world.meta.as_of, client_secret="wrong")
