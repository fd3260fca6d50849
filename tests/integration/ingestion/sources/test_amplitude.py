"""Amplitude against the sandbox: every event of a complete hour once, however late, doubled or cut."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ingestion.errors import MalformedResponse, Unauthorized
from ingestion.pipeline import run_source
from ingestion.registry import connection, settings_of
from ingestion.sandbox.world.world import World
from ingestion.source import RunContext
from ingestion.sources.amplitude import source
from ingestion.sources.amplitude.settings import AmplitudeSettings

SETTLED = timedelta(hours=3)


@pytest.fixture
def amplitude(account: Callable[..., Any]) -> Any:
    return account("amplitude")


def now_of(amplitude: Any) -> datetime:
    return amplitude.world.meta.as_of.replace(tzinfo=UTC)  # type: ignore[no-any-return]


def truth(world: World, now: datetime) -> list[str]:
    """Insert ids of the events whose hour of upload is complete by `now`."""
    hour = now.astimezone(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    events = world.table("events")
    return sorted(
        f"e{number}"
        for number in events[events["visible_at"] < hour - SETTLED + timedelta(hours=1)]["event_id"]
    )


def loaded(amplitude: Any) -> list[str]:
    found = amplitude.query(
        "select json_extract_string(payload, '$.\"$insert_id\"') from raw_amplitude.events"
    )
    return sorted(row[0] for row in found)


def test_every_event_is_there_once_on_the_first_and_on_the_second_day(amplitude: Any) -> None:
    now = now_of(amplitude)
    first = amplitude.load(now)
    assert loaded(amplitude) == truth(amplitude.world, now)
    assert first.rows_rejected == {}
    assert amplitude.load(now).rows_loaded == {}
    tomorrow = now + timedelta(days=1)
    second = amplitude.load(tomorrow)
    assert loaded(amplitude) == truth(amplitude.world, tomorrow)
    assert 0 < second.rows_loaded["events"] < first.rows_loaded["events"]
    assert amplitude.refusals() == []


def test_events_carry_their_own_time_in_utc_and_anonymous_ones_are_kept(amplitude: Any) -> None:
    now = now_of(amplitude)
    amplitude.load(now)
    events = amplitude.world.table("events").set_index("event_id")
    rows = amplitude.query(
        """select json_extract_string(payload, '$."$insert_id"'), occurred_at, uploaded_at, user_id,
            amplitude_id from raw_amplitude.events"""
    )
    anonymous = 0
    for insert_id, occurred_at, uploaded_at, user_id, amplitude_id in rows:
        event = events.loc[int(insert_id[1:])]
        assert occurred_at == event["occurred_at"].to_pydatetime()
        assert uploaded_at >= event["visible_at"].to_pydatetime()
        assert amplitude_id
        anonymous += user_id is None
    assert (
        anonymous
        == events.loc[[int(row[0][1:]) for row in rows], ["person_id", "staff_id"]].isna().all(axis=1).sum()
        > 0
    )


def test_late_and_doubled_events_are_there_once_in_the_end(amplitude: Any) -> None:
    late = {"kind": "late_data", "seconds": 6 * 3600, "every": 7}
    amplitude.server.set_scenario({"faults": {"amplitude": [late, {"kind": "duplicates", "every": 20}]}})
    now = now_of(amplitude)
    amplitude.load(now)
    fewer = loaded(amplitude)
    assert len(fewer) == len(set(fewer)) < len(truth(amplitude.world, now))
    later = now + timedelta(days=1)
    amplitude.load(later)
    assert set(truth(amplitude.world, now)) <= set(loaded(amplitude))
    assert len(loaded(amplitude)) == len(set(loaded(amplitude)))


def test_a_range_that_is_too_large_is_halved(amplitude: Any) -> None:
    now = now_of(amplitude)
    most = len(truth(amplitude.world, now)) // 4
    amplitude.server.set_scenario({"plan": {"amplitude": {"most_events": most}}})
    amplitude.load(now)
    assert loaded(amplitude) == truth(amplitude.world, now)


def test_a_cut_archive_is_fetched_again_and_never_taken_for_whole(amplitude: Any) -> None:
    now = now_of(amplitude)
    cut = {"kind": "malformed_page", "page": 1, "times": 1, "path": "export"}
    amplitude.server.set_scenario({"faults": {"amplitude": [cut]}})
    amplitude.load(now)
    assert loaded(amplitude) == truth(amplitude.world, now)
    amplitude.server.set_scenario({"faults": {"amplitude": [{**cut, "times": 99}]}})
    with pytest.raises(MalformedResponse, match="archive"):
        amplitude.load(now + timedelta(days=1), retry_attempts=2)


def test_wrong_keys_are_told(amplitude: Any) -> None:
    with pytest.raises(Unauthorized, match="credentials"):
        amplitude.load(now_of(amplitude), secret_key="wrong")


def test_users_are_told_by_their_last_event_with_a_key_of_the_address(amplitude: Any) -> None:
    now = now_of(amplitude)
    amplitude.load(now)
    people = amplitude.world.state("people", now)
    addresses = {f"u-{row.person_id}": row.email for row in people.itertuples() if isinstance(row.email, str)}
    found = amplitude.query(
        """select user_id, email, email_key from raw_amplitude.users
        qualify row_number() over (partition by user_id order by _source_updated_at desc) = 1"""
    )
    customers = {user: (email, key) for user, email, key in found if user.startswith("u-")}
    assert customers
    assert {user: email for user, (email, _) in customers.items() if email} == {
        user: email for user, email in addresses.items() if user in customers
    }
    assert all((email is None) == (key is None) for email, key in customers.values())


def test_a_backfill_reads_days_again_and_leaves_the_cursor(amplitude: Any) -> None:
    now = now_of(amplitude)
    amplitude.load(now)
    before = loaded(amplitude)
    spec = settings_of(connection("amplitude"))
    day = now.date() - timedelta(days=10)
    summary = run_source(
        "amplitude",
        warehouse=amplitude.warehouse,
        pipelines_dir=amplitude._pipelines,
        now=now,
        person_key_secret="not-a-secret",
        settings=spec,
        backfill=(day, date.fromisoformat(day.isoformat())),
    )
    assert summary.rows_loaded.get("events", 0) == 0
    assert loaded(amplitude) == before
    assert amplitude.load(now).rows_loaded == {}


def test_hours_without_events_are_answered_with_404_and_passed_over(
    vendor: Any, run: Callable[..., Any]
) -> None:
    """And each hour is asked for once: both ends of a range are inclusive, the last is three hours old."""
    vendor.on("api/2/export", {"answer": "Raw data files were not found.", "status": 404})
    now = datetime(2026, 10, 5, 6, 30, tzinfo=UTC)
    settings = settings_for(vendor)
    state = {"events": {"through": "2026-08-01T22:00:00+00:00"}}

    outcome = run(source, settings, state=state, now=now)

    asked = [(one.query["start"], one.query["end"]) for one in vendor.asked("api/2/export")]
    assert asked[0][0] == "20260801T23"
    assert asked[-1][1] == "20261005T03"
    ends = [datetime.strptime(end, "%Y%m%dT%H") for _, end in asked]
    starts = [datetime.strptime(start, "%Y%m%dT%H") for start, _ in asked]
    assert len(asked) > 1
    assert starts[1:] == [end + timedelta(hours=1) for end in ends[:-1]]
    assert outcome.records == {}
    assert outcome.state["events"] == {"through": "2026-10-05T03:00:00+00:00"}


def test_a_large_hour_is_told_in_batches_of_a_bounded_size(vendor: Any, run: Callable[..., Any]) -> None:
    """Memory must not grow with the events of an hour, nor with the people behind them."""
    many = 120_000
    events = b"".join(
        b'{"uuid":"%d","event_type":"opened","event_time":"2026-10-01 01:00:00.000000","user_id":"u-%d",'
        b'"user_properties":{"email":"%d@x.example"},"server_upload_time":"2026-10-01 01:00:02.000000"}\n'
        % (number, number // 3, number // 3)
        for number in range(many)
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("1/1_2026-10-01_1#0.json.gz", gzip.compress(events, 1))
    vendor.on("api/2/export", lambda request: archive.getvalue())
    sizes: dict[str, list[int]] = {"events": [], "users": []}
    context = RunContext(
        instance="amplitude",
        now=datetime(2026, 10, 1, 4, 30, tzinfo=UTC),
        state={"events": {"through": "2026-10-01T00:00:00+00:00"}},
        known=NothingKnown(),
        report=lambda resource, rows, expected: None,
    )
    for piece in source.slices(settings_for(vendor), context):
        for batch in piece.batches:
            sizes[batch.resource].append(len(batch.records))

    assert {resource: sum(found) for resource, found in sizes.items()} == {
        "events": many,
        "users": many // 3,
    }
    assert max(sizes["events"]) <= 50_000
    assert max(sizes["users"]) <= 10_000


class NothingKnown:
    """`Known` of a warehouse that is empty."""

    def keys(self, resource: str, prefix: str | None = None) -> set[str]:
        return set()


def settings_for(vendor: Any) -> AmplitudeSettings:
    return AmplitudeSettings(base_url=vendor.base_url, api_key="key", secret_key="secret")
