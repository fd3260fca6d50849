"""Zendesk's connector and the pipeline against the sandbox: counts are the world's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any


def tickets(world: Any, now: Any) -> tuple[set[str], set[str]]:
    """Ids of live and of deleted tickets at `now`; a merged one lives on, closed."""
    rows = world.state("tickets", now)
    gone = rows["is_deleted"]
    return (
        {str(key) for key in rows[~gone]["ticket_id"]},
        {str(key) for key in rows[gone]["ticket_id"]},
    )


def organizations(world: Any, now: Any) -> set[str]:
    """Ids of live organisations at `now`."""
    rows = world.state("accounts", now)
    live = rows[~rows["is_deleted"] & rows["merged_into"].isna()]
    return {str(900_000_000 + key) for key in live["account_id"]}


def comments(zendesk: Any, now: Any) -> tuple[set[str], set[str]]:
    """Ids of the live tickets' comments: in the warehouse, and in the world.

    A merge leaves comments that the vendor makes itself; a deleted ticket no longer shows its own.
    """
    live, _ = tickets(zendesk.world, now)
    rows = zendesk.query("select distinct comment_id, ticket_id from raw_zendesk.ticket_comments")
    told = zendesk.world.visible("ticket_comments", now)
    told = told[told["ticket_id"].astype(str).isin(live)]
    found = {key for key, ticket_id in rows if ticket_id in live and int(key) < 5_000_000_000}
    return found, {str(key) for key in told["comment_id"]}


def test_a_first_load_has_everything_of_the_world(account: Callable[[str], Any]) -> None:
    zendesk = account("zendesk")
    world, now = zendesk.world, zendesk.world.meta.as_of
    summary = zendesk.load(now)
    live, deleted = tickets(world, now)
    assert summary.rows_rejected == {}
    assert zendesk.alive("tickets") == live
    assert zendesk.alive("ticket_metrics") >= live
    assert deleted <= {
        row[0] for row in zendesk.query("select _key from raw_zendesk.tickets where _is_deleted")
    }
    found, told = comments(zendesk, now)
    assert found == told
    assert zendesk.alive("organizations") == organizations(world, now)
    people = {str(700_000_000 + key) for key in world.visible("people", now)["person_id"]}
    assert people <= {row[0] for row in zendesk.query("select distinct _key from raw_zendesk.users")}
    ratings = {f"R{key}" for key in world.visible("ticket_ratings", now)["rating_id"]}
    assert zendesk.alive("csat_responses") == ratings
    changes = world.changes("tickets", now)
    of_status = changes[(changes["field"] == "status") & changes["ticket_id"].astype(str).isin(live)]
    counts = zendesk.query(
        f"""select count(*) filter (where from_value is not null), count(*) filter (where from_value is null)
        from raw_zendesk.ticket_changes where field = 'status' and ticket_id in ({", ".join(sorted(live))})"""
    )
    # Each change, and the status at creation.
    assert counts == [(len(of_status), len(live))]
    links = {str(key) for key in world.visible("ticket_issue_links", now)["link_id"]}
    assert zendesk.alive("jira_links") == links
    assert zendesk.refusals() == []
    assert set(zendesk.statuses()) == {"200"}


def test_every_day_loads_only_what_is_new_and_ends_with_the_worlds_tickets(
    account: Callable[[str], Any],
) -> None:
    zendesk = account("zendesk")
    world, now = zendesk.world, zendesk.world.meta.as_of
    zendesk.server.set_scenario({"plan": {"zendesk": {"incremental_exports": 100}}})
    first = zendesk.load(now)
    assert zendesk.load(now).rows_loaded == {}
    for _ in range(2):
        now += timedelta(days=7)
        later = zendesk.load(now)
        assert 0 < sum(later.rows_loaded.values()) < sum(first.rows_loaded.values()) / 2
        assert zendesk.alive("tickets") == tickets(world, now)[0]
        found, told = comments(zendesk, now)
        assert found == told
        assert zendesk.alive("organizations") == organizations(world, now)
    assert zendesk.refusals() == []
    assert set(zendesk.statuses()) == {"200"}


def test_an_error_in_the_middle_of_an_export_is_retried(account: Callable[[str], Any]) -> None:
    zendesk = account("zendesk")
    now = zendesk.world.meta.as_of
    broken = {"kind": "server_error", "page": 1, "times": 2, "path": "incremental"}
    cut = {"kind": "malformed_page", "page": 3, "times": 1, "path": "incremental"}
    zendesk.server.set_scenario({"faults": {"zendesk": [broken, cut]}})
    zendesk.load(now)
    assert zendesk.statuses()["500"] >= 2
    assert zendesk.alive("tickets") == tickets(zendesk.world, now)[0]
