"""Intercom's connector and the pipeline against the sandbox: counts are the world's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import Unauthorized

GENEROUS = {"intercom": {"requests_per_minute": 0}}


@pytest.fixture
def intercom(account: Callable[..., Any]) -> Any:
    found = account("intercom")
    found.server.set_scenario({"plan": GENEROUS})
    return found


def conversations(intercom: Any, now: Any) -> set[str]:
    """Ids of live tickets at `now`; a merged one lives on, closed."""
    rows = intercom.world.state("tickets", now)
    return {str(key) for key in rows[~rows["is_deleted"]]["ticket_id"]}


def living(intercom: Any, table: str, key: str, now: Any) -> set[int]:
    rows = intercom.world.state(table, now)
    return set(rows[~rows["is_deleted"] & rows["merged_into"].isna()][key])


def comments(intercom: Any, now: Any) -> tuple[set[str], set[str]]:
    """Ids of the live tickets' comments: in the warehouse (first messages are sources), and in the world."""
    live = conversations(intercom, now)
    told = intercom.world.visible("ticket_comments", now)
    told = told[told["ticket_id"].astype(str).isin(live)]
    found = intercom.query(
        """select distinct part_id, conversation_id from raw_intercom.conversation_parts
        where body is not null and part_number < 5000000000
        union select distinct source_id, conversation_id from raw_intercom.conversations
        where source_id is not null"""
    )
    return (
        {key for key, conversation in found if conversation in live},
        {str(key) for key in told["comment_id"]},
    )


def assert_is_the_world(intercom: Any, now: Any) -> None:
    assert intercom.alive("conversations") == conversations(intercom, now)
    found, told = comments(intercom, now)
    assert found == told
    accounts = {f"66c0{key:020x}" for key in living(intercom, "accounts", "account_id", now)}
    assert intercom.alive("companies") == accounts


def test_a_first_load_has_everything_of_the_world(intercom: Any) -> None:
    world, now = intercom.world, intercom.world.meta.as_of
    summary = intercom.load(now)
    assert summary.rows_rejected == {}
    assert_is_the_world(intercom, now)
    people = {f"65f0{key:020x}" for key in living(intercom, "people", "person_id", now)}
    assert intercom.alive("contacts") == people
    rated = world.visible("ticket_ratings", now)
    live = conversations(intercom, now)
    good = {str(key) for key in rated[rated["score"] == "good"]["ticket_id"]} & live
    stars = intercom.query("select conversation_id, rating from raw_intercom.conversations where rating > 0")
    assert {key for key, rating in stars if rating >= 4} == good
    assert {key for key, _ in stars} == {str(key) for key in rated["ticket_id"]} & live
    links = world.visible("ticket_issue_links", now)
    told = intercom.query(
        "select sum(length(work_item_keys) - length(replace(work_item_keys, ';', '')) + 1) "
        "from raw_intercom.conversations"
    )
    assert told == [(len(links[links["ticket_id"].astype(str).isin(live)]),)]
    gone = {row[0] for row in intercom.query("select _key from raw_intercom.conversations where _is_deleted")}
    deleted = world.state("tickets", now)
    assert gone == {str(key) for key in deleted[deleted["is_deleted"]]["ticket_id"]}
    assert intercom.refusals() == []
    assert set(intercom.statuses()) == {"200"}


def test_every_week_loads_only_what_is_new_and_ends_with_the_worlds_conversations(intercom: Any) -> None:
    now = intercom.world.meta.as_of
    first = intercom.load(now)
    assert intercom.load(now).rows_loaded == {}
    for _ in range(2):
        now += timedelta(days=7)
        later = intercom.load(now)
        assert 0 < sum(later.rows_loaded.values()) < sum(first.rows_loaded.values()) / 2
        assert_is_the_world(intercom, now)
        # Who left without a trace is found by the weekly sweep.
        people = {f"65f0{key:020x}" for key in living(intercom, "people", "person_id", now)}
        assert intercom.alive("contacts") == people
    assert intercom.refusals() == []


def test_what_is_deleted_after_it_was_read_becomes_a_tombstone(intercom: Any) -> None:
    now = intercom.world.meta.as_of
    intercom.load(now)
    before = intercom.alive("conversations")
    deletions = {"kind": "deletions", "every": 7, "tables": ["tickets"]}
    intercom.server.set_scenario({"plan": GENEROUS, "faults": {"intercom": [deletions]}})
    intercom.load(now + timedelta(hours=1))
    after = intercom.alive("conversations")
    assert after & before == {key for key in before if int(key) % 7}


def test_the_limit_is_kept_and_never_hit(account: Callable[..., Any]) -> None:
    intercom = account("intercom")
    intercom.server.set_scenario({"plan": {"intercom": {"requests_per_minute": 120}}})
    now = intercom.world.meta.as_of
    began = time.monotonic()
    since = (now - timedelta(days=30)).date().isoformat()
    intercom.load(now, start_date=since, requests_per_minute=120)
    statuses = intercom.statuses()
    assert set(statuses) == {"200"}
    assert statuses["200"] > 20
    assert time.monotonic() - began >= 10


def test_an_error_in_the_middle_of_a_search_is_retried(intercom: Any) -> None:
    now = intercom.world.meta.as_of
    broken = {"kind": "server_error", "page": 1, "times": 2, "path": "conversations"}
    cut = {"kind": "malformed_page", "page": 4, "times": 1, "path": "conversations"}
    intercom.server.set_scenario({"plan": GENEROUS, "faults": {"intercom": [broken, cut]}})
    intercom.load(now)
    assert intercom.statuses()["500"] >= 2
    assert intercom.alive("conversations") == conversations(intercom, now)


def test_a_wrong_token_is_told(intercom: Any) -> None:
    with pytest.raises(Unauthorized, match="credentials"):
        intercom.load(intercom.world.meta.as_of, access_token="wrong")
