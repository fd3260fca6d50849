"""PostHog against the sandbox: every event once, however late or doubled it comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

import pytest

from ingestion.errors import RequestRefused, Unauthorized
from ingestion.sources.posthog import source
from ingestion.sources.posthog.settings import PosthogSettings


@pytest.fixture
def posthog(account: Callable[..., Any]) -> Any:
    opened = account("posthog")
    opened.server.set_scenario("generous")
    return opened


def truth(posthog: Any, now: datetime) -> int:
    return len(posthog.world.visible("events", now.replace(tzinfo=None)))


def loaded(posthog: Any) -> list[str]:
    return sorted(row[0] for row in posthog.query("select uuid from raw_posthog.events"))


def now_of(posthog: Any) -> datetime:
    return posthog.world.meta.as_of.replace(tzinfo=UTC)  # type: ignore[no-any-return]


def test_every_event_is_there_once_on_the_first_and_on_the_second_day(posthog: Any) -> None:
    now = now_of(posthog)
    first = posthog.load(now, rows_per_request=2000)
    assert first.rows_rejected == {}
    assert len(loaded(posthog)) == len(set(loaded(posthog))) == truth(posthog, now)
    assert posthog.load(now).rows_loaded == {}
    tomorrow = now + timedelta(days=1)
    posthog.load(tomorrow)
    assert len(set(loaded(posthog))) == truth(posthog, tomorrow)
    assert posthog.refusals() == []


def test_late_and_doubled_events_are_there_in_the_end(posthog: Any) -> None:
    late = {"kind": "late_data", "seconds": 3 * 86_400, "every": 7}
    posthog.server.set_scenario({"faults": {"posthog": [late, {"kind": "duplicates", "every": 20}]}})
    now = now_of(posthog)
    there = posthog.world.visible("events", now.replace(tzinfo=None))["event_id"]
    uuids = {str(UUID(md5(f"posthog {number}".encode()).hexdigest())) for number in there}
    posthog.load(now)
    assert set() < set(loaded(posthog)) < uuids
    posthog.load(now + timedelta(days=4))
    assert uuids <= set(loaded(posthog))


def test_persons_carry_a_key_of_the_address(posthog: Any) -> None:
    now = now_of(posthog)
    posthog.load(now)
    people = posthog.world.state("people", now)
    active = posthog.world.visible("events", now.replace(tzinfo=None))["person_id"].dropna()
    people = people[~people["is_deleted"] & people["person_id"].isin(active)]
    addresses = {f"u-{row.person_id}": row.email for row in people.itertuples() if isinstance(row.email, str)}
    found = posthog.query(
        "select distinct_id, email, email_key from raw_posthog.persons where not _is_deleted"
    )
    told = {user: email for user, email, _ in found if email}
    assert {user: told.get(user) for user in addresses} == addresses
    assert all((email is None) == (key is None) for _, email, key in found)


def test_wrong_credentials_and_wrong_projects_are_told(posthog: Any) -> None:
    with pytest.raises(Unauthorized, match="credentials"):
        posthog.load(now_of(posthog), api_key="wrong")
    with pytest.raises((RequestRefused, Unauthorized)):
        posthog.load(now_of(posthog), project_id="1")


def test_pages_go_on_from_the_last_row_with_a_limit_and_are_never_cached(
    vendor: Any, run: Callable[..., Any]
) -> None:
    """Without a limit a hundred rows come; more than 50,000 never; an offset would skip what came late."""
    rows = [
        [f"e{number}", "opened", "2026-10-01T00:00:00Z", "u-1", None, "2026-10-01T00:00:00Z"]
        for number in range(3)
    ]
    pages = iter([rows[:2], rows[2:]])

    def answer(request: Any) -> dict[str, Any]:
        columns = request.body["query"]["query"].removeprefix("select ").split(" from ")[0].split(", ")
        told = dict.fromkeys(columns)
        found = []
        for row in next(pages):
            names = ("uuid", "event", "timestamp", "distinct_id", "person_id", "created_at")
            said = told | dict(zip(names, row, strict=True)) | {"properties": "{}"}
            found.append([said[name] for name in columns])
        return {"columns": columns, "results": found}

    vendor.on("api/projects/1/query/", answer)
    vendor.on("api/projects/1/persons/", {"results": [], "next": None})
    settings = PosthogSettings(base_url=vendor.base_url, api_key="key", project_id="1", rows_per_request=2)

    outcome = run(source, settings)

    queries = [one.body["query"]["query"] for one in vendor.asked("api/projects/1/query/")]
    assert [one["uuid"] for one in outcome.values("events")] == ["e0", "e1", "e2"]
    assert all(query.endswith("order by created_at, uuid limit 2") for query in queries)
    assert "uuid > 'e1'" in queries[1]
    assert not any("offset" in query.lower() for query in queries)
    assert {one.body["refresh"] for one in vendor.asked("api/projects/1/query/")} == {"force_blocking"}
    assert PosthogSettings().rows_per_request <= 50_000


def test_persons_are_read_to_the_last_link(vendor: Any, run: Callable[..., Any]) -> None:
    path = "api/projects/1/persons/"

    def persons(request: Any) -> dict[str, Any]:
        at = int(request.query.get("offset", 0))
        found = [{"id": f"p{at}", "distinct_ids": [f"u-{at}"], "properties": {}}]
        following = f"{vendor.base_url}/{path}?limit=1&offset={at + 1}" if at < 2 else None
        return {"count": 3, "next": following, "previous": None, "results": found}

    vendor.on("api/projects/1/query/", {"columns": ["uuid"], "results": []})
    vendor.on(path, persons)
    settings = PosthogSettings(base_url=vendor.base_url, api_key="key", project_id="1")
    outcome = run(source, settings, known={"persons": {"u-1", "u-9"}})

    assert [one["distinct_id"] for one in outcome.values("persons")] == ["u-0", "u-1", "u-2"]
    assert outcome.tombstones("persons") == [{"distinct_id": "u-9"}]
