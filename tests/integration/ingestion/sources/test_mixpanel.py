"""Mixpanel against the sandbox: every event once, however late, doubled, cut or oddly timed it comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from ingestion.errors import MalformedResponse, RateLimited, Unauthorized, Unreachable
from ingestion.pipeline import run_source
from ingestion.registry import connection, settings_of
from ingestion.sandbox.scenario import Scenario
from ingestion.sandbox.world.world import World
from ingestion.sources.mixpanel import source
from ingestion.sources.mixpanel.settings import MixpanelSettings

Open = Callable[[str], Any]


# The tests together ask more than a project may in an hour.
PLAN = {"export_per_hour": 0, "query_per_hour": 0}


@pytest.fixture
def mixpanel(account: Open) -> Any:
    opened = account("mixpanel")
    scenario(opened)
    return opened


def scenario(mixpanel: Any, name: str = "healthy", *faults: dict[str, Any], **plan: Any) -> None:
    """A scenario's faults for Mixpanel, and others beside, in a project without the hour's limit."""
    named = Scenario.load(name).faults
    listed = [dict(fault) for fault in (*named.get("any", ()), *named.get("mixpanel", ()), *faults)]
    mixpanel.server.set_scenario({"plan": {"mixpanel": {**PLAN, **plan}}, "faults": {"mixpanel": listed}})


def truth(world: World, now: datetime) -> set[str]:
    events = world.visible("events", now.astimezone(UTC).replace(tzinfo=None))
    return {f"e{number}" for number in events["event_id"]}


def loaded(mixpanel: Any) -> list[str]:
    return [row[0] for row in mixpanel.query("select insert_id from raw_mixpanel.events")]


def test_every_event_is_there_once_on_the_first_and_on_the_second_day(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    first = mixpanel.load(now)
    assert sorted(loaded(mixpanel)) == sorted(truth(mixpanel.world, now))
    again = mixpanel.load(now)
    assert (again.slices, again.rows_loaded) == (0, {})
    tomorrow = now + timedelta(days=1)
    second = mixpanel.load(tomorrow)
    assert sorted(loaded(mixpanel)) == sorted(truth(mixpanel.world, tomorrow))
    assert 0 < second.rows_loaded["events"] < first.rows_loaded["events"]
    assert mixpanel.refusals() == []


def test_events_carry_their_own_time_and_that_of_their_arrival(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    mixpanel.load(now)
    events = mixpanel.world.table("events").set_index("event_id")
    rows = mixpanel.query(
        "select insert_id, occurred_at, processed_at, account_external_id, feature, event_name, payload "
        "from raw_mixpanel.events order by insert_id limit 200"
    )
    for insert_id, occurred_at, processed_at, account_id, feature, name, payload in rows:
        event = events.loc[int(insert_id[1:])]
        assert occurred_at == event["occurred_at"].to_pydatetime().replace(microsecond=0)
        assert processed_at <= now.replace(tzinfo=None)
        assert account_id == (None if account_id is None else str(int(event["account_id"])))
        assert (feature or None) == (event["feature"] if isinstance(event["feature"], str) else None)
        assert name == event["name"]
        assert payload.startswith('{"event":')


def test_an_old_project_in_a_zone_with_summer_time_gives_the_same_instants(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    scenario(mixpanel, is_old_project=True, project_time_zone="America/New_York")
    mixpanel.load(now, project_time_zone="America/New_York")
    events = mixpanel.world.table("events").set_index("event_id")["occurred_at"]
    rows = mixpanel.query("select insert_id, occurred_at from raw_mixpanel.events")
    assert {row[0] for row in rows} == truth(mixpanel.world, now)
    assert all(at == events[int(key[1:])].to_pydatetime().replace(microsecond=0) for key, at in rows)


def test_events_without_an_insert_id_are_told_apart_by_their_content(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    scenario(mixpanel, insert_ids_from="2100-01-01")
    mixpanel.load(now)
    keys = loaded(mixpanel)
    assert len(keys) == len(set(keys)) == len(truth(mixpanel.world, now))
    assert mixpanel.load(now + timedelta(minutes=1)).rows_loaded.get("events", 0) == 0


def test_an_event_that_comes_days_after_its_time_is_found_in_the_days_read_again(mixpanel: Any) -> None:
    scenario(mixpanel, "healthy", {"kind": "late_data", "seconds": 3 * 86_400, "every": 7})
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    start = (now - timedelta(days=8)).date().isoformat()
    mixpanel.load(now, start_on=start)
    late = {f"e{number}" for number in recent(mixpanel.world, now) if number % 7 == 0}
    assert late and not late & set(loaded(mixpanel))
    mixpanel.load(now + timedelta(days=4), start_on=start)
    assert late <= set(loaded(mixpanel))


def recent(world: World, now: datetime) -> list[int]:
    """Events of the two days before `now`."""
    events = world.visible("events", now.replace(tzinfo=None))
    since = now.replace(tzinfo=None) - timedelta(days=2)
    return [int(number) for number in events[events["occurred_at"] >= since]["event_id"]]


@pytest.mark.faults
@pytest.mark.parametrize(
    "fault", ["late_data", "duplicates", "truncated_stream", "schema_drift", "clock_skew"]
)
def test_faults_of_the_stream_end_with_the_same_events(mixpanel: Any, fault: str) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    scenario(mixpanel, fault)
    mixpanel.load(now)
    later = now + timedelta(days=1)
    mixpanel.load(later)
    scenario(mixpanel)
    mixpanel.load(later + timedelta(hours=12))
    expected = truth(mixpanel.world, later + timedelta(hours=12))
    assert sorted(loaded(mixpanel)) == sorted(expected)


@pytest.mark.faults
def test_a_stream_that_always_breaks_off_is_malformed_and_nothing_is_loaded(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    scenario(mixpanel, "healthy", {"kind": "truncated_stream", "page": 1, "times": 10_000, "at": 0.6})
    start = (now - timedelta(days=2)).date().isoformat()
    with pytest.raises(MalformedResponse, match="its last line is no JSON"):
        mixpanel.load(now, start_on=start, retry_attempts=1)


@pytest.mark.faults
def test_wrong_credentials_say_so_without_showing_them(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    with pytest.raises(Unauthorized) as caught:
        mixpanel.load(now, secret="wrong-and-private")
    assert "wrong-and-private" not in str(caught.value)
    assert "credentials" in str(caught.value)


@pytest.mark.faults
def test_a_storm_of_limits_longer_than_the_budget_stops_the_run(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    scenario(mixpanel, "healthy", {"kind": "rate_limit", "every": 1, "retry_after": 2})
    with pytest.raises(RateLimited, match="wait_budget_seconds"):
        mixpanel.load(now, wait_budget_seconds=3.0)


@pytest.mark.faults
def test_an_outage_ends_in_a_clear_error_and_the_next_run_goes_on(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    scenario(mixpanel, "outage")
    with pytest.raises(Unreachable):
        mixpanel.load(now, retry_attempts=2, wait_budget_seconds=1.0)
    scenario(mixpanel)
    mixpanel.load(now)
    assert sorted(loaded(mixpanel)) == sorted(truth(mixpanel.world, now))


def test_a_backfill_brings_back_what_is_missing_and_leaves_the_state(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    day = now.date() - timedelta(days=20)
    before = mixpanel.load(now)
    with mixpanel.warehouse.connect() as connected:
        connected.execute("delete from raw_mixpanel.events where cast(occurred_at as date) = ?", [day])
    assert len(loaded(mixpanel)) < len(truth(mixpanel.world, now))
    after = backfill(mixpanel, now, day)
    assert sorted(loaded(mixpanel)) == sorted(truth(mixpanel.world, now))
    assert after.state_after == before.state_after


def backfill(mixpanel: Any, now: datetime, day: date) -> Any:
    return run_source(
        "mixpanel",
        warehouse=mixpanel.warehouse,
        pipelines_dir=mixpanel.warehouse.path.parent / "pipelines",
        now=now,
        person_key_secret="not-a-secret",
        settings=settings_of(connection("mixpanel")),
        backfill=(day, day),
    )


def test_profiles_come_page_by_page_with_a_key_for_each_address(mixpanel: Any) -> None:
    now = mixpanel.world.meta.as_of.replace(tzinfo=UTC)
    mixpanel.load(now, profile_page_size=20)
    assert len(mixpanel.alive("profiles")) > 20
    assert len(mixpanel.alive("group_profiles")) > 0
    unequal = "select count(*) from raw_mixpanel.profiles where (email is null) <> (email_key is null)"
    assert mixpanel.query(unequal) == [(0,)]


def test_a_profile_that_is_missing_in_the_whole_list_becomes_a_tombstone(vendor: Any, run: Any) -> None:
    pages = {
        "0": [{"$distinct_id": "u-1", "$properties": {"$email": "a@x.example", "company_id": ["7"]}}],
        "1": [{"$distinct_id": "u-2", "$properties": {"$last_seen": "2026-10-01T10:00:00"}}],
        "2": [],
    }

    def engage(request: Any) -> dict[str, Any]:
        form = {name: values[-1] for name, values in parse_qs(request.body).items()}
        assert form["page"] == "0" or form["session_id"] == "s"
        return {"page_size": 1, "session_id": "s", "results": pages[form["page"]]}

    vendor.on("api/2.0/export", lambda request: "")
    vendor.on("api/query/engage", engage)
    settings = MixpanelSettings()
    settings.data_base_url = settings.api_base_url = vendor.base_url
    settings.username, settings.secret, settings.project_id = "name", "word", "1"
    settings.start_on = "2026-10-05"
    settings.profile_time_zone = "America/Sao_Paulo"
    outcome = run(source, settings, known={"profiles": {"u-1", "u-9"}})
    assert outcome.tombstones("profiles") == [{"distinct_id": "u-9"}]
    first, second = outcome.values("profiles")
    assert (first["email"], first["account_external_id"]) == ("a@x.example", "7")
    assert second["last_seen_at"] == "2026-10-01T13:00:00+00:00"


@pytest.fixture
def scripted(vendor: Any) -> MixpanelSettings:
    """A project whose export is empty and that nobody uses."""
    vendor.on("api/2.0/export", lambda request: b"")
    vendor.on("api/query/engage", {"page_size": 1000, "session_id": "s", "results": []})
    settings = MixpanelSettings()
    settings.data_base_url = settings.api_base_url = vendor.base_url
    settings.username, settings.secret, settings.project_id = "name", "word", "1"
    return settings


def test_few_exports_read_every_day_once_and_no_more_than_three_in_a_second(
    vendor: Any, run: Any, scripted: MixpanelSettings
) -> None:
    """Both days of a range are inclusive, one without events is an empty answer, and 60 queries are all that
    an hour has.
    """
    sent: list[float] = []

    def export(request: Any) -> Any:
        sent.append(time.monotonic())
        return b""

    vendor.on("api/2.0/export", export)
    scripted.start_on = "2024-10-05"
    outcome = run(source, scripted)

    asked = [one.query for one in vendor.asked("api/2.0/export")]
    ranges = [(date.fromisoformat(one["from_date"]), date.fromisoformat(one["to_date"])) for one in asked]
    assert (ranges[0][0], ranges[-1][1]) == (date(2024, 10, 5), date(2026, 10, 5))
    assert [first for first, _ in ranges[1:]] == [last + timedelta(days=1) for _, last in ranges[:-1]]
    assert 4 <= len(ranges) <= 10
    assert min(later - sooner for sooner, later in zip(sent, sent[3:], strict=False)) >= 1.0
    assert outcome.state["events"]["through"] == "2026-10-05"


def test_a_refusal_that_does_not_say_when_to_come_again_is_waited_out(
    vendor: Any, run: Any, scripted: MixpanelSettings
) -> None:
    tries: list[float] = []

    def export(request: Any) -> Any:
        tries.append(time.monotonic())
        if len(tries) == 1:
            return {"answer": {"error": "Query rate limit exceeded", "status": "error"}, "status": 429}
        return b""

    vendor.on("api/2.0/export", export)
    scripted.start_on = "2026-10-05"
    outcome = run(source, scripted)

    assert len(tries) == 2
    assert tries[1] - tries[0] >= 1.0
    assert outcome.state["events"]["through"] == "2026-10-05"
