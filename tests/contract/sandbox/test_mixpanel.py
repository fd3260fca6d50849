"""Mixpanel's wire, fact by fact."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion.sandbox import credentials
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire, basic

PROJECT = credentials.MIXPANEL_PROJECT_ID
EXPORT = "/api/2.0/export"
ENGAGE = "/api/query/engage"


@pytest.fixture
def mixpanel(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("mixpanel")


def export(wire: Wire, first: str, last: str, **query: Any) -> list[dict[str, Any]]:
    answer = wire.get(EXPORT, from_date=first, to_date=last, project_id=PROJECT, **query)
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def engage(wire: Wire, **form: Any) -> Answer:
    return wire.post(ENGAGE, form=form, project_id=PROJECT)


# --- who may ask


def test_a_service_account_needs_its_project(mixpanel: Wire) -> None:
    days = {"from_date": "2026-01-15", "to_date": "2026-01-15"}

    assert mixpanel.get(EXPORT, **days).status == 400
    assert mixpanel.get(EXPORT, project_id="1", **days).status == 403
    assert mixpanel.get(EXPORT, project_id=PROJECT, **days).status == 200


def test_a_project_secret_needs_no_project(mixpanel: Wire) -> None:
    wire = mixpanel.at("/mixpanel", authorization=basic(credentials.MIXPANEL_PROJECT_SECRET, ""))

    assert wire.get(EXPORT, from_date="2026-01-15", to_date="2026-01-15").status == 200


def test_a_wrong_secret_is_refused(mixpanel: Wire) -> None:
    wire = mixpanel.at("/mixpanel", authorization=basic(credentials.MIXPANEL_USERNAME, "wrong"))

    assert wire.get(EXPORT, project_id=PROJECT).status == 401


# --- raw export


def test_events_are_lines_of_json_with_the_documented_properties(mixpanel: Wire) -> None:
    event = next(
        event for event in export(mixpanel, "2026-01-15", "2026-01-15") if event["event"] == "Report Viewed"
    )

    assert event["properties"] == {
        "time": 1768478400,
        "distinct_id": "u-201",
        "$insert_id": "e1",
        "mp_processing_time_ms": 1768478460000,
        "$user_id": "u-201",
        "$device_id": "d-1",
        "company_id": ["101"],
        "plan": "pro",
    }


def test_an_anonymous_event_is_its_devices(mixpanel: Wire) -> None:
    event = next(
        event for event in export(mixpanel, "2026-01-15", "2026-01-15") if event["event"] == "Logged In"
    )

    assert event["properties"]["distinct_id"] == event["properties"]["$device_id"] == 'd-"2"'
    assert "$user_id" not in event["properties"]
    assert "company_id" not in event["properties"]


def test_both_days_are_included_and_a_day_without_events_is_empty(mixpanel: Wire) -> None:
    assert {event["properties"]["$insert_id"] for event in export(mixpanel, "2026-01-15", "2026-01-16")} == {
        "e1",
        "e2",
        "e3",
    }
    empty = mixpanel.get(EXPORT, from_date="2026-01-17", to_date="2026-01-17", project_id=PROJECT)
    assert (empty.status, empty.body) == (200, b"")
    assert empty.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "query", [{}, {"from_date": "2026-01-15"}, {"from_date": "yesterday", "to_date": "today"}]
)
def test_dates_are_required(mixpanel: Wire, query: dict[str, str]) -> None:
    answer = mixpanel.get(EXPORT, project_id=PROJECT, **query)

    assert answer.status == 400
    assert answer.json["status"] == "error"


def test_a_late_event_belongs_to_its_day_and_tells_when_it_came(sandboxes: Sandboxes) -> None:
    before = export(sandboxes.at("mixpanel", now=sandboxes.day(13)), "2026-01-16", "2026-01-16")
    after = export(sandboxes.at("mixpanel", now=sandboxes.day(15)), "2026-01-16", "2026-01-16")

    assert before == []
    assert after[0]["properties"]["$insert_id"] == "e3"
    assert after[0]["properties"]["feature"] == "reports"
    assert (
        after[0]["properties"]["mp_processing_time_ms"] - after[0]["properties"]["time"] * 1000
        == 3 * 86_400_000
    )


def test_a_duplicate_has_the_same_insert_id_and_its_own_time_of_arrival(mixpanel: Wire) -> None:
    twice = [
        event["properties"]
        for event in export(mixpanel, "2026-01-15", "2026-01-15")
        if event["properties"]["$insert_id"] == "e1"
    ]

    assert len(twice) == 2
    assert len({event["time"] for event in twice}) == 1
    assert len({event["mp_processing_time_ms"] for event in twice}) == 2


def test_an_old_project_cuts_days_and_tells_time_by_its_own_clock(
    sandboxes: Sandboxes, mixpanel: Wire
) -> None:
    old = sandboxes.at("mixpanel", is_old_project=True, project_time_zone="America/Sao_Paulo")

    new_event = export(mixpanel, "2026-01-20", "2026-01-20")[0]
    old_event = export(old, "2026-01-19", "2026-01-19")[0]

    assert new_event["properties"]["$insert_id"] == old_event["properties"]["$insert_id"] == "e4"
    # Three hours behind UTC, written as if it were UTC; the time of arrival is true in both.
    assert old_event["properties"]["time"] == new_event["properties"]["time"] - 3 * 3600
    assert (
        old_event["properties"]["mp_processing_time_ms"] == new_event["properties"]["mp_processing_time_ms"]
    )
    assert export(old, "2026-01-20", "2026-01-20") == []


def test_old_imports_may_have_no_insert_id(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("mixpanel", insert_ids_from="2026-01-16")

    assert all("$insert_id" not in event["properties"] for event in export(wire, "2026-01-15", "2026-01-15"))
    assert all("$insert_id" in event["properties"] for event in export(wire, "2026-01-16", "2026-01-16"))


def test_events_can_be_chosen_by_name_property_and_number(mixpanel: Wire) -> None:
    named = export(mixpanel, "2026-01-01", "2026-12-31", event='["Feature Used"]')
    chosen = export(mixpanel, "2026-01-01", "2026-12-31", where='properties["plan"] == "pro"')
    few = export(mixpanel, "2026-03-01", "2026-03-31", limit=7)

    assert [event["properties"]["$insert_id"] for event in named] == ["e3"]
    assert {event["properties"]["$insert_id"] for event in chosen} == {"e1"}
    assert len(few) == 7


def test_time_can_be_asked_for_in_milliseconds(mixpanel: Wire) -> None:
    times = {
        event["properties"]["time"]
        for event in export(mixpanel, "2026-01-15", "2026-01-15", time_in_ms="true")
    }

    assert times == {1768478400000}


def test_long_answers_are_packed_for_those_who_can_read_it(mixpanel: Wire) -> None:
    packs = {"accept-encoding": "gzip"}
    long = mixpanel.get(EXPORT, packs, from_date="2026-03-01", to_date="2026-03-31", project_id=PROJECT)
    short = mixpanel.get(EXPORT, packs, from_date="2026-01-16", to_date="2026-01-16", project_id=PROJECT)

    assert long.headers["content-encoding"] == "gzip"
    assert len(long.text.splitlines()) == 50
    assert "content-encoding" not in short.headers


# --- limits


def test_three_exports_a_second_and_sixty_an_hour(sandboxes: Sandboxes, mixpanel: Wire) -> None:
    def ask() -> int:
        return mixpanel.get(EXPORT, from_date="2026-01-17", to_date="2026-01-17", project_id=PROJECT).status

    assert [ask() for _ in range(4)] == [200, 200, 200, 429]
    statuses = []
    for _ in range(70):
        sandboxes.clock.seconds += 0.5
        statuses.append(ask())
    assert statuses.count(429) >= 10
    sandboxes.clock.seconds += 3601
    assert ask() == 200


def test_a_refusal_has_no_retry_after(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("mixpanel", query_per_hour=1)
    engage(wire)

    refused = engage(wire)

    assert refused.status == 429
    assert "retry-after" not in refused.headers
    assert refused.json["status"] == "error"


def test_the_export_may_not_be_on_the_plan(sandboxes: Sandboxes) -> None:
    assert sandboxes.at("mixpanel", is_paid=False).get(EXPORT, project_id=PROJECT).status == 402


# --- profiles


def test_profiles_page_within_a_session(mixpanel: Wire) -> None:
    first = engage(mixpanel, page_size=2).json
    second = engage(mixpanel, page=1, session_id=first["session_id"]).json

    assert (first["total"], first["page_size"]) == (3, 2)
    found = {profile["$distinct_id"] for profile in first["results"] + second["results"]}
    assert found == {"u-201", "u-203", "s-1"}
    assert len(second["results"]) < second["page_size"]


def test_a_later_page_without_its_session_is_an_error(mixpanel: Wire) -> None:
    assert engage(mixpanel, page=1).status == 400
    assert engage(mixpanel, page=1, session_id="made-up").status == 400


def test_last_seen_is_the_projects_wall_clock(sandboxes: Sandboxes, mixpanel: Wire) -> None:
    local = sandboxes.at("mixpanel", project_time_zone="America/Sao_Paulo")

    def staff(wire: Wire) -> str:
        found = engage(wire).json["results"]
        return next(one["$properties"]["$last_seen"] for one in found if one["$distinct_id"] == "s-1")

    assert staff(mixpanel) == "2026-01-20T01:30:00"
    assert staff(local) == "2026-01-19T22:30:00"


def test_profiles_filter_by_a_property(mixpanel: Wire) -> None:
    found = engage(mixpanel, where='properties["$last_seen"] >= "2026-03-01T00:00:00"').json["results"]

    assert [profile["$distinct_id"] for profile in found] == ["u-203"]
    assert engage(mixpanel, where="properties[").status == 400


@pytest.mark.parametrize("path", ["/api/query/engage", "/api/2.0/engage"])
def test_the_old_alias_and_get_answer_too(mixpanel: Wire, path: str) -> None:
    assert mixpanel.get(path, project_id=PROJECT).json["total"] == 3


def test_group_profiles_have_a_group_id(mixpanel: Wire) -> None:
    found = engage(mixpanel, data_group_id=credentials.MIXPANEL_DATA_GROUP_ID).json["results"]

    assert [group["$distinct_id"] for group in found] == ["101", "103"]
    assert found[0]["$properties"]["crm_id"] == "101"


def test_cohorts_are_a_bare_list_and_choose_profiles(mixpanel: Wire) -> None:
    cohorts = mixpanel.post("/api/query/cohorts/list", project_id=PROJECT).json
    quiet = next(cohort for cohort in cohorts if cohort["name"].startswith("Quiet"))

    members = engage(mixpanel, filter_by_cohort=json.dumps({"id": quiet["id"]})).json["results"]

    assert len(members) == quiet["count"] == 2
    assert quiet["is_visible"] == 0


def test_annotations_come_in_the_new_and_the_old_form(mixpanel: Wire) -> None:
    new = mixpanel.get(f"/api/app/projects/{PROJECT}/annotations").json
    old = mixpanel.get(
        "/api/2.0/annotations", from_date="2026-02-01", to_date="2026-02-28", project_id=PROJECT
    ).json

    assert new["results"][0]["description"] == old["annotations"][0]["description"] == "Exports down"
    assert old["error"] is False
