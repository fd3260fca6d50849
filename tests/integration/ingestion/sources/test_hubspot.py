"""HubSpot's connector against a scripted HubSpot: what its sandbox cannot easily be brought to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.errors import RateLimited, Unauthorized
from ingestion.sources.hubspot import source
from ingestion.sources.hubspot.settings import HubSpotSettings

TYPES = ("companies", "contacts", "deals", "line_items", "products", "notes", "feedback_submissions")
PAIRS = (
    ("contacts", "companies"),
    ("deals", "companies"),
    ("deals", "line_items"),
    ("line_items", "deals"),
    ("notes", "companies"),
    ("notes", "deals"),
    ("notes", "contacts"),
)
DAY_MS = 86_400_000
NOW_MS = 1_791_180_000_000
DONE = {name: {"cursor_ms": NOW_MS - DAY_MS, "swept_ms": NOW_MS - DAY_MS} for name in TYPES} | {
    "associations": {"reread_ms": NOW_MS - 3_600_000}
}


@pytest.fixture
def hubspot(vendor: Any) -> Any:
    """An account without any object."""
    empty = {"results": []}
    for name in TYPES:
        vendor.on(f"crm/objects/2026-09/{name}", empty)
        vendor.on(f"crm/properties/2026-09/{name}", {"results": [{"name": "hs_object_id"}]})
        vendor.on(f"crm/objects/2026-09/{name}/search", empty | {"total": 0})
        vendor.on(
            f"crm/objects/2026-09/{name}/batch/read",
            lambda request: {"results": [an_object(one["id"]) for one in request.body["inputs"]]},
        )
    for from_type, to_type in PAIRS:
        vendor.on(f"crm/associations/2026-09/{from_type}/{to_type}/batch/read", empty)
    vendor.on("crm/owners/2026-09", empty)
    vendor.on("crm/pipelines/2026-09/deals", empty)
    return vendor


def an_object(object_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "id": object_id,
        "properties": {"hs_object_id": object_id, **properties},
        "createdAt": "2026-10-01T00:00:00Z",
        "updatedAt": "2026-10-01T00:00:00Z",
        "archived": False,
    }


def answer(body: Any, status: int) -> dict[str, Any]:
    """An answer with a status of its own."""
    return {"status": status, "answer": body}


def settings(vendor: Any, **more: Any) -> HubSpotSettings:
    made = HubSpotSettings(base_url=vendor.base_url, access_token="token", searches_per_second=100)
    made.update(more)
    return made


def test_changes_are_read_by_id_within_a_window_that_does_not_move(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    ids = [str(number) for number in range(1, 451)]

    def search(request: Any) -> dict[str, Any]:
        above = next(
            (
                int(one["value"])
                for one in request.body["filterGroups"][0]["filters"]
                if one["operator"] == "GT"
            ),
            0,
        )
        rest = [one for one in ids if int(one) > above]
        page = {"total": len(rest), "results": [{"id": one, "properties": {}} for one in rest[:200]]}
        return page | ({"paging": {"next": {"after": "200"}}} if len(rest) > 200 else {})

    hubspot.on("crm/objects/2026-09/contacts/search", search)
    outcome = run(source, settings(hubspot), state=DONE)

    assert sorted(one["contact_id"] for one in outcome.values("contacts")) == sorted(ids)
    asked = hubspot.asked("crm/objects/2026-09/contacts/search")
    assert len(asked) == 3
    assert all("after" not in one.body for one in asked)
    windows = {tuple(part["value"] for part in one.body["filterGroups"][0]["filters"][:2]) for one in asked}
    assert windows == {(str(NOW_MS - DAY_MS - 600_000), str(NOW_MS))}
    assert {one.body["filterGroups"][0]["filters"][0]["propertyName"] for one in asked} == {
        "lastmodifieddate"
    }
    assert outcome.state["contacts"]["cursor_ms"] == NOW_MS


def test_a_window_that_was_half_read_is_finished_before_the_next(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    half = {"from_ms": 1, "to_ms": NOW_MS - DAY_MS, "after_id": "77"}
    state = DONE | {"companies": {"cursor_ms": 1, "window": half}}
    outcome = run(source, settings(hubspot), state=state)
    first, second = hubspot.asked("crm/objects/2026-09/companies/search")
    assert [one["value"] for one in first.body["filterGroups"][0]["filters"]] == [
        "1",
        str(NOW_MS - DAY_MS),
        "77",
    ]
    assert second.body["filterGroups"][0]["filters"][1]["value"] == str(NOW_MS)
    assert outcome.state["companies"] == {"cursor_ms": NOW_MS, "swept_ms": NOW_MS}


def test_a_first_load_goes_on_from_its_last_committed_page(hubspot: Any, run: Callable[..., Any]) -> None:
    state = {"companies": {"started_ms": 5, "after": "300"}}
    outcome = run(source, settings(hubspot), state=state)
    assert hubspot.asked("crm/objects/2026-09/companies")[0].query["after"] == "300"
    # What changed since the load began is read by the next run.
    assert outcome.state["companies"] == {"cursor_ms": 5, "swept_ms": NOW_MS}


def test_the_loser_of_a_merge_and_its_associations_are_tombstones(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    hubspot.on(
        "crm/objects/2026-09/companies/search", {"total": 1, "results": [{"id": "1", "properties": {}}]}
    )
    hubspot.on(
        "crm/objects/2026-09/companies/batch/read",
        {"results": [an_object("1", hs_merged_object_ids="2;3")]},
    )
    outcome = run(
        source,
        settings(hubspot),
        state=DONE,
        known={"companies": {"1", "2"}, "associations": {"deals:9:companies:2", "deals:9:companies:1"}},
    )
    assert outcome.tombstones("companies") == [{"company_id": "2"}]
    assert [one["to_id"] for one in outcome.tombstones("associations")] == ["2"]


def test_an_association_that_is_no_longer_there_is_a_tombstone(hubspot: Any, run: Callable[..., Any]) -> None:
    hubspot.on("crm/objects/2026-09/deals/search", {"total": 1, "results": [{"id": "9", "properties": {}}]})
    hubspot.on(
        "crm/associations/2026-09/deals/companies/batch/read",
        {
            "results": [
                {
                    "from": {"id": "9"},
                    "to": [{"toObjectId": 2, "associationTypes": [{"typeId": 5, "label": "Primary"}]}],
                }
            ]
        },
    )
    outcome = run(
        source, settings(hubspot), state=DONE, known={"deals": {"9"}, "associations": {"deals:9:companies:1"}}
    )
    assert outcome.values("associations") == [
        {"from_type": "deals", "from_id": "9", "to_type": "companies", "to_id": "2", "label": "Primary"}
    ]
    assert [one["to_id"] for one in outcome.tombstones("associations")] == ["1"]


def test_associations_of_all_objects_are_read_again_at_their_cadence(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    path = "crm/associations/2026-09/contacts/companies/batch/read"
    known = {"contacts": {"1", "2"}, "associations": {"contacts:2:companies:5"}}
    run(source, settings(hubspot), state=DONE, known=known)
    assert hubspot.asked(path) == []
    due = DONE | {"associations": {"reread_ms": NOW_MS - DAY_MS}}
    outcome = run(source, settings(hubspot), state=due, known=known)
    assert [one["id"] for one in hubspot.asked(path)[0].body["inputs"]] == ["1", "2"]
    assert [one["from_id"] for one in outcome.tombstones("associations")] == ["2"]
    assert outcome.state["associations"] == {"reread_ms": NOW_MS}


def test_more_associations_of_one_object_than_a_page_holds_are_all_read(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    def read(request: Any) -> dict[str, Any]:
        (only,) = request.body["inputs"]
        end = "11" if only.get("after") else "10"
        result: dict[str, Any] = {"from": {"id": "9"}, "to": [{"toObjectId": end, "associationTypes": []}]}
        return {"results": [result if only.get("after") else result | {"paging": {"next": {"after": "x"}}}]}

    hubspot.on("crm/objects/2026-09/deals/search", {"total": 1, "results": [{"id": "9", "properties": {}}]})
    hubspot.on("crm/associations/2026-09/deals/line_items/batch/read", read)
    outcome = run(source, settings(hubspot), state=DONE)
    assert [one["to_id"] for one in outcome.values("associations")] == ["10", "11"]


def test_more_properties_than_a_url_holds_are_asked_in_parts(hubspot: Any, run: Callable[..., Any]) -> None:
    names = [f"custom_property_with_a_long_name_{number:04d}" for number in range(600)]
    hubspot.on("crm/properties/2026-09/products", {"results": [{"name": name} for name in names]})

    def objects(request: Any) -> dict[str, Any]:
        if request.query["archived"] == "true":
            return {"results": []}
        asked = request.query["properties"].split(",")
        return {"results": [an_object("1", **{name: name for name in asked})]}

    hubspot.on("crm/objects/2026-09/products", objects)
    outcome = run(source, settings(hubspot))
    (product,) = outcome.records["products"]
    assert set(names) <= product.payload["properties"].keys()
    assert (
        max(len(one.query["properties"]) for one in hubspot.asked("crm/objects/2026-09/products")) <= 15_000
    )


def test_the_older_paths_are_used_on_request(vendor: Any, run: Callable[..., Any]) -> None:
    empty: dict[str, Any] = {"results": []}
    for name in TYPES:
        vendor.on(f"crm/v3/objects/{name}", empty)
        vendor.on(f"crm/v3/properties/{name}", empty)
    vendor.on(
        "crm/v3/objects/deals",
        lambda r: {"results": [an_object("9")] if r.query["archived"] == "false" else []},
    )
    vendor.on("crm/v4/associations/deals/companies/batch/read", empty)
    vendor.on("crm/v4/associations/deals/line_items/batch/read", empty)
    vendor.on("crm/v3/owners", empty)
    vendor.on("crm/v3/pipelines/deals", empty)
    outcome = run(source, settings(vendor, api_version="v3"))
    assert [one["deal_id"] for one in outcome.values("deals")] == ["9"]


def test_feedback_without_scope_is_left_out_and_the_rest_is_read(
    hubspot: Any, run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    refusal = {"status": "error", "category": "MISSING_SCOPES", "message": "no"}
    hubspot.on("crm/properties/2026-09/feedback_submissions", lambda request: answer(refusal, 403))
    outcome = run(source, settings(hubspot))
    assert "feedback_submissions" not in outcome.state
    assert outcome.state["deals"]["cursor_ms"] == NOW_MS
    assert "crm.objects.feedback_submissions.read" in caplog.text


def test_a_type_that_must_be_there_stops_the_run_without_scope(hubspot: Any, run: Callable[..., Any]) -> None:
    hubspot.on("crm/properties/2026-09/deals", lambda request: answer({"category": "MISSING_SCOPES"}, 403))
    with pytest.raises(Unauthorized, match="scopes"):
        run(source, settings(hubspot))


def test_the_daily_limit_ends_the_run_at_once(hubspot: Any, run: Callable[..., Any]) -> None:
    body = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "DAILY"}
    hubspot.on("crm/owners/2026-09", lambda request: answer(body, 429))
    with pytest.raises(RateLimited, match="midnight"):
        run(source, settings(hubspot))


def test_a_search_limit_without_retry_after_is_waited_out(hubspot: Any, run: Callable[..., Any]) -> None:
    """For a second, which is what it says; the burst limit of ten seconds is another."""
    tries: list[float] = []

    def search(request: Any) -> Any:
        tries.append(time.monotonic())
        if len(tries) == 1:
            return answer({"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}, 429)
        return {"total": 0, "results": []}

    hubspot.on("crm/objects/2026-09/deals/search", search)
    run(source, settings(hubspot), state=DONE)
    assert len(tries) == 2
    assert 1.0 <= tries[1] - tries[0] < 8.0


def test_searches_keep_to_a_pace_of_their_own(hubspot: Any, run: Callable[..., Any]) -> None:
    sent: list[float] = []

    def search(request: Any) -> Any:
        sent.append(time.monotonic())
        return {"total": 0, "results": []}

    for name in TYPES:
        hubspot.on(f"crm/objects/2026-09/{name}/search", search)
    run(source, settings(hubspot, searches_per_second=5), state=DONE)
    assert len(sent) == len(TYPES) > 5
    assert sent[5] - sent[0] >= 1.0
    assert HubSpotSettings().searches_per_second <= 5


def test_an_expired_oauth_token_is_renewed(hubspot: Any, run: Callable[..., Any]) -> None:
    def owners(request: Any) -> Any:
        if request.headers["Authorization"] != "Bearer fresh":
            return answer({"category": "INVALID_AUTHENTICATION"}, 401)
        return {"results": []}

    hubspot.on("crm/owners/2026-09", owners)
    hubspot.on("oauth/2026-03/token", {"access_token": "fresh", "expires_in": 1800})
    run(
        source,
        settings(hubspot, access_token=None, client_id="a", client_secret="b", refresh_token="c"),
    )
    assert len(hubspot.asked("oauth/2026-03/token")) == 1


def test_what_was_archived_before_is_not_told_again(hubspot: Any, run: Callable[..., Any]) -> None:
    def archived(object_id: str, at: str) -> dict[str, Any]:
        return an_object(object_id) | {"archived": True, "archivedAt": at}

    hubspot.on(
        "crm/objects/2026-09/contacts",
        {"results": [archived("1", "2026-10-01T00:00:00Z"), archived("2", "2026-10-04T00:00:00.5Z")]},
    )
    state = DONE | {"contacts": DONE["contacts"] | {"archived_until": "2026-10-02T00:00:00.000Z"}}
    outcome = run(source, settings(hubspot), state=state, known={"associations": {"contacts:2:companies:8"}})
    assert [one["contact_id"] for one in outcome.tombstones("contacts")] == ["2"]
    assert [one["to_id"] for one in outcome.tombstones("associations")] == ["8"]
    assert outcome.state["contacts"]["archived_until"] == "2026-10-04T00:00:00.500Z"


def test_what_vanished_without_a_trace_is_found_by_the_sweep_at_its_cadence(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    hubspot.on("crm/objects/2026-09/contacts", lists(live=[an_object("1")]))
    hubspot.on(
        "crm/objects/2026-09/contacts/batch/read",
        # Brought back while the list was being read.
        {"results": [an_object("2")]},
    )
    known = {"contacts": {"1", "2", "3"}, "associations": {"contacts:3:companies:7"}}
    fresh = run(source, settings(hubspot), state=DONE, known=known)
    assert fresh.tombstones("contacts") == []

    due = DONE | {"contacts": {"cursor_ms": NOW_MS, "swept_ms": NOW_MS - 7 * DAY_MS}}
    outcome = run(source, settings(hubspot), state=due, known=known)

    assert outcome.tombstones("contacts") == [{"contact_id": "3"}]
    assert [(one["from_id"], one["to_id"]) for one in outcome.tombstones("associations")] == [("3", "7")]
    assert outcome.state["contacts"]["swept_ms"] == NOW_MS


def test_most_of_a_type_gone_at_once_is_taken_for_a_lost_permission(
    hubspot: Any, run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    hubspot.on("crm/objects/2026-09/contacts/batch/read", {"results": []})
    due = DONE | {"contacts": {"cursor_ms": NOW_MS, "swept_ms": 0}}
    known = {"contacts": {str(number) for number in range(100)}}
    outcome = run(source, settings(hubspot), state=due, known=known)
    assert outcome.tombstones("contacts") == []
    assert "lost permission" in caplog.text
    assert outcome.state["contacts"]["swept_ms"] == 0


def test_each_type_is_searched_by_its_own_time_of_change(hubspot: Any, run: Callable[..., Any]) -> None:
    run(source, settings(hubspot), state=DONE)

    asked = {
        name: {
            one["propertyName"]
            for request in hubspot.asked(f"crm/objects/2026-09/{name}/search")
            for one in request.body["filterGroups"][0]["filters"]
        }
        for name in TYPES
    }
    assert asked == {
        name: {"lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate"} for name in TYPES
    }


def test_archived_objects_and_owners_who_left_are_asked_for_apart(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    """`archived=true` gives only those, and without it they are nowhere."""

    def told(live: Any, archived: Any) -> Callable[[Any], dict[str, Any]]:
        return lambda request: {"results": [archived if request.query["archived"] == "true" else live]}

    gone = an_object("2") | {"archived": True, "archivedAt": "2026-10-01T00:00:00Z"}
    hubspot.on("crm/objects/2026-09/deals", told(an_object("1"), gone))
    hubspot.on("crm/owners/2026-09", told({"id": "7", "archived": False}, {"id": "8", "archived": True}))
    outcome = run(source, settings(hubspot))

    assert [one["deal_id"] for one in outcome.values("deals")] == ["1"]
    assert [one["deal_id"] for one in outcome.tombstones("deals")] == ["2"]
    assert {one["owner_id"]: one["is_archived"] for one in outcome.values("owners")} == {
        "7": False,
        "8": True,
    }


def test_a_partial_answer_is_no_failure(hubspot: Any, run: Callable[..., Any]) -> None:
    """207: what is missing among the inputs has no associations, or has gone."""
    hubspot.on("crm/objects/2026-09/deals", lists(live=[an_object("1"), an_object("2")]))
    some = [{"from": {"id": "1"}, "to": [{"toObjectId": "5", "associationTypes": []}]}]
    partial = {"status": "COMPLETE", "results": some, "numErrors": 1, "errors": [{"category": "NOT_FOUND"}]}
    hubspot.on("crm/associations/2026-09/deals/companies/batch/read", answer(partial, 207))
    outcome = run(source, settings(hubspot))

    assert [(one["from_id"], one["to_id"]) for one in outcome.values("associations")] == [("1", "5")]
    assert len(hubspot.asked("crm/associations/2026-09/deals/companies/batch/read")) == 1


def test_stages_that_close_a_deal_are_told_from_those_that_do_not(
    hubspot: Any, run: Callable[..., Any]
) -> None:
    """The words true and false, of which either is a truth to whoever takes them as they come."""
    said = {"s_open": "false", "s_won": "true"}
    stages = [{"id": key, "metadata": {"isClosed": one, "probability": "0.6"}} for key, one in said.items()]
    hubspot.on("crm/pipelines/2026-09/deals", {"results": [{"id": "default", "stages": stages}]})
    (pipeline,) = run(source, settings(hubspot)).records["pipelines"]

    told = {one["stage_id"]: str(one["is_closed"]).lower() for one in pipeline.children["pipeline_stages"]}
    assert told == said


def lists(live: list[dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """A list of live objects; nothing is archived."""
    return lambda request: {"results": [] if request.query.get("archived") == "true" else live}
