"""HubSpot's connector and the pipeline against the sandbox: counts are the world's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import ServerFailed
from ingestion.sandbox.world.schema import CHANGES

# Raw table and the world's table behind it.
OBJECTS = {
    "companies": "accounts",
    "contacts": "people",
    "deals": "deals",
    "line_items": "contracts",
    "products": "plans",
    "notes": "notes",
    "feedback_submissions": "survey_responses",
}
KEYS = {
    "accounts": "account_id",
    "people": "person_id",
    "deals": "deal_id",
    "contracts": "contract_id",
    "plans": "plan_id",
    "notes": "note_id",
    "survey_responses": "response_id",
}


def expected(world: Any, table: str, now: Any) -> set[str]:
    """Ids that the world shows at `now`."""
    if table not in CHANGES:
        return {str(key) for key in world.visible(table, now)[KEYS[table]]}
    rows = world.state(table, now)
    rows = rows[~rows["is_deleted"] & rows["merged_into"].isna()]
    return {str(key) for key in rows[KEYS[table]]}


@pytest.mark.parametrize("api_version", ["2026-09", "v3"])
def test_a_first_load_has_every_object_stage_and_association_of_the_world(
    account: Callable[[str], Any], api_version: str
) -> None:
    hubspot = account("hubspot")
    now = hubspot.world.meta.as_of
    summary = hubspot.load(now, api_version=api_version)
    for resource, table in OBJECTS.items():
        wanted = expected(hubspot.world, table, now)
        assert (hubspot.alive(resource) if wanted else set()) == wanted, resource
    assert summary.rows_rejected == {}
    assert hubspot.refusals() == []
    assert hubspot.statuses().keys() <= {"200", "207"}

    world = hubspot.world
    deals = expected(world, "deals", now)
    changes = world.changes("deals", now)
    stages = changes[(changes["field"] == "stage_id") & changes["deal_id"].astype(str).isin(deals)]
    rows = hubspot.query("select count(*) from raw_hubspot.deals_history where property = 'dealstage'")
    # The value at creation, and each change.
    assert rows == [(len(stages) + len(deals),)]
    contracts = world.state("contracts", now)
    wanted = {
        f"deals:{row.deal_id}:line_items:{row.contract_id}"
        for row in contracts[~contracts["is_deleted"]].itertuples()
        if str(row.deal_id) in deals
    }
    assert {key for key in hubspot.alive("associations") if ":line_items:" in key} == wanted


def test_every_day_loads_only_what_is_new_and_ends_with_the_worlds_objects(
    account: Callable[[str], Any],
) -> None:
    hubspot = account("hubspot")
    now = hubspot.world.meta.as_of
    first = hubspot.load(now)
    again = hubspot.load(now)
    assert again.rows_loaded == {}
    for _ in range(2):
        now += timedelta(days=4)
        later = hubspot.load(now)
        assert sum(later.rows_loaded.values()) < sum(first.rows_loaded.values()) / 2
        for resource, table in OBJECTS.items():
            wanted = expected(hubspot.world, table, now)
            assert (hubspot.alive(resource) if wanted else set()) == wanted, (resource, now)
    assert hubspot.refusals() == []
    assert set(hubspot.statuses()) <= {"200", "207"}
    doubled = hubspot.query(
        "select _key from raw_hubspot.deals group by _key, _version_id having count(*) > 1"
    )
    assert doubled == []


def test_an_error_in_the_middle_of_a_list_is_retried(account: Callable[[str], Any]) -> None:
    hubspot = account("hubspot")
    now = hubspot.world.meta.as_of
    hubspot.server.set_scenario(
        {"faults": {"hubspot": [{"kind": "server_error", "page": 2, "times": 1, "path": "/objects/"}]}}
    )
    hubspot.load(now)
    assert hubspot.statuses()["500"] >= 1
    assert hubspot.alive("contacts") == expected(hubspot.world, "people", now)


def test_a_storm_of_refusals_is_waited_out(account: Callable[[str], Any]) -> None:
    hubspot = account("hubspot")
    now = hubspot.world.meta.as_of
    storm = {"kind": "rate_limit", "every": 3, "times": 3, "retry_after": 1}
    hubspot.server.set_scenario({"faults": {"hubspot": [storm]}})
    hubspot.load(now)
    assert hubspot.statuses()["429"] == 3
    assert hubspot.alive("companies") == expected(hubspot.world, "accounts", now)


def test_a_load_that_broke_off_goes_on_and_ends_with_the_worlds_objects(
    account: Callable[[str], Any],
) -> None:
    hubspot = account("hubspot")
    now = hubspot.world.meta.as_of
    outage = {"kind": "server_error", "page": 1, "times": 2, "path": "pipelines"}
    hubspot.server.set_scenario({"faults": {"hubspot": [outage]}})
    with pytest.raises(ServerFailed, match="pipelines"):
        hubspot.load(now, rows_per_slice=20, retry_attempts=2)
    hubspot.server.set_scenario("healthy")
    now += timedelta(days=1)
    hubspot.load(now, rows_per_slice=20)
    for resource, table in OBJECTS.items():
        wanted = expected(hubspot.world, table, now)
        assert (hubspot.alive(resource) if wanted else set()) == wanted, resource
