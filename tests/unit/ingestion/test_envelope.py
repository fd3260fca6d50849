"""Casts, keys and versions of raw rows, on the in-memory database that a run uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion.envelope import Envelope, open_database, person_key
from ingestion.errors import MalformedResponse
from ingestion.known import KnownRows, Snapshot
from ingestion.source import Batch, Record, Resource

NOW = datetime(2026, 10, 5, 6)
SERIAL = count()
THINGS = Resource(
    "things",
    ("thing_id",),
    {
        "thing_id": "text",
        "name": "text",
        "count": "bigint",
        "share": "double",
        "is_open": "boolean",
        "updated_at": "timestamp",
        "due_on": "date",
        "email": "text",
    },
    updated_at="updated_at",
    personal=("email",),
    keyed=("email",),
)
PARTS = Resource("parts", ("thing_id", "part_id"), {"thing_id": "text", "part_id": "text"}, parent="things")

CLICKS = Resource(
    "clicks",
    ("click_id",),
    {"click_id": "text", "clicked_at": "timestamp"},
    updated_at="clicked_at",
    is_append_only=True,
)


@pytest.fixture
def envelope(tmp_path: Path) -> Iterator[Envelope]:
    database = open_database(str(tmp_path))
    KnownRows(database, Snapshot())
    yield Envelope(database, (THINGS, PARTS, CLICKS), instance="shop", now=NOW, secret="secret")
    database.close()


def rows(envelope: Envelope, *records: Record) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table, arrow in envelope.rows(Batch("things", list(records)), "1"):
        found.setdefault(table, []).extend(arrow.to_pylist())
    return found


def thing(thing_id: str | None = "1", **values: Any) -> Record:
    return Record({"thing_id": thing_id, **values}, payload={"id": thing_id, **values})


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        ("count", "3", 3),
        ("count", "3.0", 3),
        ("count", 3, 3),
        ("count", "", None),
        ("share", "1e-3", 0.001),
        ("share", 2, 2.0),
        ("is_open", True, True),
        ("is_open", "false", False),
        ("updated_at", "2026-10-01T10:00:00.250+0800", datetime(2026, 10, 1, 2, 0, 0, 250000)),
        ("updated_at", "2026-10-01T10:00:00-03:00", datetime(2026, 10, 1, 13)),
        ("updated_at", "2026-10-01T10:00:00Z", datetime(2026, 10, 1, 10)),
        ("updated_at", "2026-10-01 10:00:00", datetime(2026, 10, 1, 10)),
        ("updated_at", "2026-10-01 ", datetime(2026, 10, 1)),
        ("updated_at", "\u00a02026-10-01T10:00:00Z\u00a0", datetime(2026, 10, 1, 10)),
        ("updated_at", 1790848800000, datetime(2026, 10, 1, 10)),
        ("updated_at", "1790848800", datetime(2026, 10, 1, 10)),
        ("updated_at", datetime(2026, 10, 1, 10, tzinfo=UTC), datetime(2026, 10, 1, 10)),
        ("due_on", "2026-10-01", date(2026, 10, 1)),
        ("due_on", "2026-10-01T23:30:00-03:00", date(2026, 10, 1)),
        ("due_on", 1790812800000, date(2026, 10, 1)),
        ("name", 7, "7"),
        ("name", "a\x00b", "ab"),
    ],
)
def test_values_are_read_as_vendors_write_them(
    envelope: Envelope, column: str, given: Any, expected: Any
) -> None:
    (row,) = rows(envelope, thing(**{column: given}))["things"]
    assert row[column] == expected


@pytest.mark.parametrize(
    ("column", "given", "reason"),
    [
        ("count", "3.7", "count: expected a bigint"),
        ("count", "many", "count: expected a bigint"),
        ("share", "nan", "share: expected a double"),
        ("is_open", "maybe", "is_open: expected a boolean"),
        ("updated_at", "yesterday", "updated_at: expected a timestamp"),
        ("due_on", "2026-02-30", "due_on: expected a date"),
    ],
)
def test_what_cannot_be_read_is_rejected_without_its_value(
    envelope: Envelope, column: str, given: Any, reason: str
) -> None:
    found = rows(envelope, thing(**{column: given}))
    assert "things" not in found
    (rejected,) = found["things_rejected"]
    assert (rejected["_key"], rejected["reason"]) == ("1", reason)
    assert str(given) in rejected["payload"]
    assert rows(envelope, thing(**{column: given})) == {}


def test_a_row_without_its_key_is_rejected(envelope: Envelope) -> None:
    (rejected,) = rows(envelope, thing(None))["things_rejected"]
    assert rejected["_key"] is None
    assert "expected a key" in rejected["reason"]


@given(
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
    offset=st.integers(-14 * 4, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters)),
)
@hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_every_offset_becomes_the_same_instant_in_naive_utc(
    envelope: Envelope, moment: datetime, offset: timedelta
) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(timezone(offset))
    (row,) = rows(envelope, thing(str(next(SERIAL)), updated_at=local.isoformat()))["things"]
    assert row["updated_at"] == row["_source_updated_at"] == moment


def test_the_same_content_is_appended_once_and_a_change_again(envelope: Envelope) -> None:
    assert len(rows(envelope, thing(name="a"))["things"]) == 1
    assert rows(envelope, thing(name="a")) == {}
    changed = rows(envelope, thing(name="b"))["things"]
    back = rows(envelope, thing(name="a"))["things"]
    assert [row["name"] for row in (*changed, *back)] == ["b", "a"]


def test_the_order_of_keys_in_a_payload_is_no_change(envelope: Envelope) -> None:
    rows(envelope, Record({"thing_id": "1"}, payload={"a": 1, "b": 2}))
    assert rows(envelope, Record({"thing_id": "1"}, payload={"b": 2, "a": 1})) == {}


def test_of_one_batch_the_newest_version_of_a_key_counts(envelope: Envelope) -> None:
    found = rows(
        envelope,
        thing(name="new", updated_at="2026-10-02T00:00:00Z"),
        thing(name="old", updated_at="2026-10-01T00:00:00Z"),
    )
    assert [row["name"] for row in found["things"]] == ["new"]


def test_versions_of_a_key_on_two_pages_are_both_appended(envelope: Envelope) -> None:
    told = [
        *envelope.add(Batch("things", [thing(name="first"), thing("2")]), "1"),
        *envelope.add(Batch("things", [thing(name="second")]), "1"),
        *envelope.rest("1"),
    ]

    names = [row["name"] for _, table in told for row in table.to_pylist() if row["_key"] == "1"]
    assert names == ["first", "second"]


def test_pages_are_told_together_with_the_children_of_each(envelope: Envelope) -> None:
    def page(thing_id: str) -> Batch:
        part = {"thing_id": thing_id, "part_id": f"of {thing_id}"}
        return Batch("things", [Record({"thing_id": thing_id}, {}, children={"parts": [part]})])

    assert not [*envelope.add(page("1"), "1"), *envelope.add(page("2"), "1")]
    told = dict(envelope.rest("1"))

    versions = dict(
        zip(*(told["things"].column(name).to_pylist() for name in ("_key", "_version_id")), strict=True)
    )
    parts = {row["thing_id"]: row["_parent_version_id"] for row in told["parts"].to_pylist()}
    assert parts == versions
    assert versions.keys() == {"1", "2"}


def test_of_a_stream_each_key_is_appended_once_and_what_has_none_is_rejected(envelope: Envelope) -> None:
    def clicked(*keys: str | None) -> dict[str, list[str | None]]:
        times = pa.array([NOW] * len(keys), pa.timestamp("us"))
        payloads = [f'{{"at": {number}}}' for number in range(len(keys))]
        ids = pa.array(list(keys), pa.string())
        batch = pa.table({"click_id": ids, "clicked_at": times, "payload": payloads})
        told = envelope.rows(Batch("clicks", batch), "1")
        return {name: table.column("payload").to_pylist() for name, table in told}

    assert clicked("a", "b", "a", None) == {
        "clicks_rejected": ['{"at": 3}'],
        "clicks": ['{"at": 0}', '{"at": 1}'],
    }
    assert clicked("b", "c") == {"clicks": ['{"at": 1}']}
    assert clicked("a", "c") == {}


def test_a_stream_has_no_lists_of_its_own(tmp_path: Path) -> None:
    lists = replace(PARTS, parent="clicks")
    database = open_database(str(tmp_path))
    with pytest.raises(ValueError, match="expected clicks alone"):
        Envelope(database, (CLICKS, lists), instance="shop", now=NOW, secret="secret")
    database.close()


def test_a_tombstone_after_a_tombstone_says_nothing(envelope: Envelope) -> None:
    rows(envelope, thing(updated_at="2026-10-01T00:00:00Z"))
    gone = Record({"thing_id": "1"}, is_deleted=True)
    (row,) = rows(envelope, gone)["things"]
    assert (row["_is_deleted"], row["_source_updated_at"]) == (True, datetime(2026, 10, 1))
    assert rows(envelope, gone) == {}
    (again,) = rows(envelope, thing(updated_at="2026-10-01T00:00:00Z"))["things"]
    assert again["_is_deleted"] is False


def test_children_follow_each_version_of_their_parent_once(envelope: Envelope) -> None:
    def with_parts(name: str, *parts: str) -> Record:
        children = {"parts": [{"thing_id": "1", "part_id": part} for part in parts]}
        return Record({"thing_id": "1", "name": name}, payload={"name": name}, children=children)

    first = rows(envelope, with_parts("a", "x", "y"))
    assert {row["_key"] for row in first["parts"]} == {"1:x", "1:y"}
    assert {row["_parent_version_id"] for row in first["parts"]} == {first["things"][0]["_version_id"]}
    second = rows(envelope, with_parts("a", "y"))
    assert [row["_key"] for row in second["parts"]] == ["1:y"]
    third = rows(envelope, with_parts("a", "x", "y"))
    assert third["things"][0]["_version_id"] == first["things"][0]["_version_id"]
    assert "parts" not in third


def test_personal_keys_ignore_case_and_spaces_and_depend_on_the_secret(envelope: Envelope) -> None:
    found = rows(envelope, thing("1", email=" Ana@X.example "), thing("2", email="ana@x.example"), thing("3"))
    keys = [row["email_key"] for row in found["things"]]
    assert keys[0] == keys[1] == person_key("ana@x.example", b"secret")
    assert keys[2] is None
    assert person_key("ana@x.example", b"other") != keys[0]


def test_a_columnar_batch_needs_every_column(envelope: Envelope) -> None:
    table = pa.table({"thing_id": ["1"], "payload": ["{}"]})
    with pytest.raises(MalformedResponse, match="without name, count"):
        list(envelope.rows(Batch("things", table), "1"))


def test_the_envelope_never_shows_its_secret(envelope: Envelope) -> None:
    assert "secret" not in repr(envelope)
