"""Amplitude's wire, fact by fact."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.contract.sandbox.tiny import NOW
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire

EXPORT = "/api/2/export"
# The tiny world's events lie within a year before its now.
WHOLE = {"start": "20251010T00", "end": "20261005T06"}


@pytest.fixture
def amplitude(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("amplitude")


def events(answer: Answer) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        return [
            orjson.loads(line)
            for name in archive.namelist()
            for line in gzip.decompress(archive.read(name)).splitlines()
        ]


def test_wrong_keys_are_refused(amplitude: Wire) -> None:
    assert amplitude.without_credentials().get(EXPORT, **WHOLE).status == 401


def test_an_export_is_a_zip_of_gzip_files_named_by_hour(amplitude: Wire) -> None:
    answer = amplitude.get(EXPORT, **WHOLE)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert all(
            re.fullmatch(r"\d+/\d+_\d{4}-\d\d-\d\d_\d+#\d+\.json\.gz", name) for name in archive.namelist()
        )
    found = events(answer)
    assert found
    assert all({"uuid", "event_type", "server_upload_time", "groups"} <= one.keys() for one in found)
    assert all(re.fullmatch(r"[\d-]{10} [\d:]{8}\.\d{6}", one["event_time"]) for one in found)


def test_no_data_is_said_with_404(amplitude: Wire) -> None:
    assert amplitude.get(EXPORT, start="20200101T00", end="20200101T23").status == 404


@pytest.mark.parametrize(
    "hours",
    [
        {"start": "2026-10-01", "end": "20261002T00"},
        {"start": "20261002T00", "end": "20261001T00"},
        {"start": "20240101T00", "end": "20261001T00"},
    ],
)
def test_what_is_no_range_and_what_is_longer_than_a_year_is_refused(
    amplitude: Wire, hours: dict[str, str]
) -> None:
    assert amplitude.get(EXPORT, **hours).status == 400


def hour_of(told: str) -> str:
    """The hour of a time of the export, as the export is asked for it."""
    return told[:13].replace("-", "").replace(" ", "T")


def test_both_hours_are_inclusive_and_by_upload(amplitude: Wire) -> None:
    every = events(amplitude.get(EXPORT, **WHOLE))
    hour = hour_of(every[0]["server_upload_time"])
    found = events(amplitude.get(EXPORT, start=hour, end=hour))
    assert {one["uuid"] for one in found} == {
        one["uuid"] for one in every if hour_of(one["server_upload_time"]) == hour
    }

    (late,) = (one for one in every if one["event_type"] == "Feature Used")
    happened, uploaded = hour_of(late["event_time"]), hour_of(late["server_upload_time"])
    assert happened < uploaded
    assert amplitude.get(EXPORT, start=happened, end=happened).status == 404
    assert late in events(amplitude.get(EXPORT, start=uploaded, end=uploaded))


def test_an_hour_can_be_exported_two_hours_after_its_end(sandboxes: Sandboxes) -> None:
    hour = {"start": "20260120T01", "end": "20260120T01"}
    end = NOW.replace(year=2026, month=1, day=20, hour=2, minute=0)
    too_soon = sandboxes.at("amplitude", now=end + timedelta(minutes=119))
    assert too_soon.get(EXPORT, **hour).status == 404
    due = sandboxes.at("amplitude", now=end + timedelta(hours=2))
    assert len(events(due.get(EXPORT, **hour))) == 1


def test_an_event_that_is_delivered_twice_keeps_its_uuid(sandboxes: Sandboxes) -> None:
    wire = sandboxes.app({"faults": {"amplitude": [{"kind": "duplicates", "every": 1}]}})
    doubled = events(sandboxes.at("amplitude", wire).get(EXPORT, **WHOLE))
    once = {one["uuid"] for one in doubled}
    assert len(doubled) > len(once)


def test_too_large_an_export_is_refused(sandboxes: Sandboxes) -> None:
    assert sandboxes.at("amplitude", most_events=1).get(EXPORT, **WHOLE).status == 400
