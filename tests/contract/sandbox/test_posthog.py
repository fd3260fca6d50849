"""PostHog's wire, fact by fact."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.sandbox.vendors.posthog.hogql import Delivery, EventTable
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire

QUERY = "/api/projects/2026/query/"
EVERY = "select uuid, event, timestamp, created_at from events order by created_at, uuid limit 50000"


@pytest.fixture
def posthog(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("posthog")


def ask(wire: Wire, hogql: str) -> Answer:
    return wire.post(QUERY, {"query": {"kind": "HogQLQuery", "query": hogql}, "refresh": "force_blocking"})


def rows(wire: Wire, hogql: str) -> list[list[Any]]:
    answer = ask(wire, hogql)
    assert answer.status == 200, answer.text
    return list(answer.json["results"])


def test_a_wrong_key_and_another_project_are_refused(posthog: Wire) -> None:
    assert ask(posthog.without_credentials(), EVERY).json["type"] == "authentication_error"
    other = posthog.post("/api/projects/1/query/", {"query": {"kind": "HogQLQuery", "query": EVERY}})
    assert other.status == 403


def test_results_are_arrays_in_the_order_of_the_columns(posthog: Wire) -> None:
    answer = ask(posthog, EVERY).json
    assert answer["columns"] == ["uuid", "event", "timestamp", "created_at"]
    assert answer["results"]
    assert all(len(row) == 4 and row[2].endswith("Z") for row in answer["results"])
    assert answer["is_cached"] is False


def test_both_paths_answer_with_and_without_a_slash(posthog: Wire) -> None:
    for path in ("/api/projects/2026/query", "/api/environments/2026/query/"):
        assert posthog.post(path, {"query": {"kind": "HogQLQuery", "query": EVERY}}).status == 200


def test_an_answer_is_fresh_only_when_it_is_forced_to_be(posthog: Wire) -> None:
    assert posthog.post(QUERY, {"query": {"kind": "HogQLQuery", "query": EVERY}}).json["is_cached"] is True
    assert ask(posthog, EVERY).json["is_cached"] is False


def test_without_a_limit_a_hundred_rows_come(sandboxes: Sandboxes) -> None:
    app = sandboxes.app({"faults": {"posthog": [{"kind": "duplicates", "every": 1}]}})
    posthog = sandboxes.at("posthog", app)
    assert len(rows(posthog, EVERY)) > 100
    assert len(rows(posthog, "select uuid from events")) == 100


def test_never_more_than_fifty_thousand_rows_come(tmp_path: Path) -> None:
    events = tmp_path / "events.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (select number as event_id, 'opened' as name, null::varchar as feature,
                null::bigint as account_id, number as person_id, null::bigint as staff_id,
                null::varchar as device_id, '{{}}' as properties, timestamp '2026-10-01' as occurred_at,
                timestamp '2026-10-01' as visible_at from range(50010) as many (number)) to '{events}'"""
        )
    table = EventTable(events, tmp_path / "none.parquet", {})
    _, found = table.run("select uuid from events limit 60000", datetime(2026, 10, 2), Delivery())
    assert len(found) == 50_000


def test_pages_go_on_from_the_last_row(posthog: Wire) -> None:
    every = rows(posthog, EVERY)
    first = rows(posthog, EVERY.replace("limit 50000", "limit 1"))
    moment = f"toDateTime64('{first[0][3].rstrip('Z').replace('T', ' ')}', 6, 'UTC')"
    later = rows(
        posthog,
        "select uuid, event, timestamp, created_at from events where "
        f"(created_at > {moment} or (created_at = {moment} and uuid > '{first[0][0]}')) "
        "order by created_at, uuid limit 50000",
    )
    assert first + later == every


@pytest.mark.parametrize(
    "hogql",
    ["select 1", "select secret from events", "select uuid from events where sleep(3)", "drop table x"],
)
def test_what_is_not_understood_is_refused(posthog: Wire, hogql: str) -> None:
    answer = ask(posthog, hogql)
    assert (answer.status, answer.json["type"]) == (400, "validation_error")


def test_persons_are_linked_pages(posthog: Wire) -> None:
    page = posthog.get("/api/projects/2026/persons", limit=1).json
    assert page["count"] > 1
    following = posthog.follow(page["next"]).json
    assert following["results"][0]["id"] != page["results"][0]["id"]
    assert {"distinct_ids", "properties"} <= page["results"][0].keys()


def test_too_many_queries_are_refused_with_a_time(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("posthog", queries_per_minute=1)
    rows(wire, EVERY)
    refused = ask(wire, EVERY)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 0
