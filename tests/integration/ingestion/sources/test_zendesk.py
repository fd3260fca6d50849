"""Zendesk's connector against a scripted Zendesk: what its sandbox cannot easily be brought to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.errors import ConfigurationInvalid, MalformedResponse
from ingestion.sources.zendesk import source
from ingestion.sources.zendesk.settings import ZendeskSettings

NOW_S = 1_791_180_000
TICKETS = "api/v2/incremental/tickets/cursor.json"
EVENTS = "api/v2/incremental/ticket_events.json"
ORGANIZATIONS = "api/v2/incremental/organizations.json"


@pytest.fixture
def zendesk(vendor: Any) -> Any:
    """An account with one organisation and nothing else."""
    vendor.on(TICKETS, {"tickets": [], "after_cursor": None, "end_of_stream": True})
    vendor.on(
        "api/v2/incremental/users/cursor.json", {"users": [], "after_cursor": None, "end_of_stream": True}
    )
    vendor.on(
        ORGANIZATIONS,
        {"organizations": [{"id": 1, "name": "Acme"}], "end_time": NOW_S - 100, "end_of_stream": True},
    )
    vendor.on(EVENTS, {"ticket_events": [], "end_time": None, "end_of_stream": True})
    vendor.on("api/v2/groups", {"groups": [], "meta": {"has_more": False}})
    vendor.on("api/v2/guide/survey_responses", {"survey_responses": [], "meta": {"has_more": False}})
    vendor.on("api/services/jira/links", {"links": [], "total": 0})
    return vendor


def settings(vendor: Any, **more: Any) -> ZendeskSettings:
    made = ZendeskSettings(base_url=vendor.base_url, email="a@example.com", api_token="token")
    made.update(more)
    return made


def answer(body: Any, status: int = 200, **headers: str) -> dict[str, Any]:
    return {"answer": body, "status": status, "headers": headers}


def test_an_expired_token_is_renewed_and_the_request_sent_again(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    tokens = iter(["old", "new"])
    zendesk.on("oauth/tokens", lambda request: {"access_token": next(tokens), "token_type": "bearer"})

    def groups(request: Any) -> Any:
        if request.headers["Authorization"] != "Bearer new":
            return answer({"error": "Couldn't authenticate you"}, 401)
        return {"groups": [{"id": 7, "name": "Support"}], "meta": {"has_more": False}}

    zendesk.on("api/v2/groups", groups)
    outcome = run(
        source, settings(zendesk, email=None, api_token=None, client_id="norte", client_secret="secret")
    )
    assert [one["group_id"] for one in outcome.values("groups")] == ["7"]
    grant = zendesk.asked("oauth/tokens")[0].body
    assert (grant["grant_type"], grant["client_id"], grant["scope"]) == (
        "client_credentials",
        "norte",
        "read",
    )


def test_an_api_token_is_sent_as_the_older_way_wants_it(zendesk: Any, run: Callable[..., Any]) -> None:
    run(source, settings(zendesk))
    # a@example.com/token:token
    assert zendesk.asked(TICKETS)[0].headers["Authorization"] == "Basic YUBleGFtcGxlLmNvbS90b2tlbjp0b2tlbg=="


def test_an_oauth_client_goes_before_an_api_token(zendesk: Any, run: Callable[..., Any]) -> None:
    zendesk.on("oauth/tokens", {"access_token": "fresh", "token_type": "bearer"})
    run(source, settings(zendesk, client_id="norte", client_secret="secret"))
    assert {one.headers["Authorization"] for one in zendesk.requests if one.path != "oauth/tokens"} == {
        "Bearer fresh"
    }


def test_no_credentials_are_named_before_any_request(zendesk: Any, run: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationInvalid, match="SOURCES__ZENDESK__CLIENT_ID"):
        run(source, settings(zendesk, api_token=None))
    assert zendesk.requests == []


def test_the_export_goes_on_from_its_cursor_and_keeps_it_at_the_end(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    def tickets(request: Any) -> dict[str, Any]:
        if "cursor" not in request.query:
            return {"tickets": [{"id": 1, "status": "open"}], "after_cursor": "c1", "end_of_stream": False}
        if request.query["cursor"] == "c1":
            deleted = {"id": 2, "status": "deleted", "metric_set": {"ticket_id": 2, "reopens": 0}}
            return {"tickets": [deleted], "after_cursor": "c2", "end_of_stream": True}
        return {"tickets": [], "after_cursor": None, "end_of_stream": True}

    zendesk.on(TICKETS, tickets)
    first = run(source, settings(zendesk))
    assert [one["ticket_id"] for one in first.values("tickets")] == ["1"]
    assert [one["ticket_id"] for one in first.tombstones("tickets")] == ["2"]
    assert [one["ticket_id"] for one in first.values("ticket_metrics")] == ["2"]
    assert first.state["tickets"] == {"cursor": "c2"}
    assert [one.query.get("cursor") for one in zendesk.asked(TICKETS)] == [None, "c1"]
    asked = zendesk.asked(TICKETS)[0].query
    assert (asked["include"], asked["support_type_scope"]) == ("metric_sets", "all")

    second = run(source, settings(zendesk), state=first.state)
    assert zendesk.asked(TICKETS)[-1].query["cursor"] == "c2"
    assert second.state["tickets"] == {"cursor": "c2"}


def test_a_cursor_that_does_not_advance_ends_in_an_error_not_in_a_loop(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    zendesk.on(TICKETS, {"tickets": [{"id": 1}], "after_cursor": "c1", "end_of_stream": False})
    with pytest.raises(MalformedResponse, match="after_cursor"):
        run(source, settings(zendesk))


def test_an_end_time_that_does_not_advance_ends_in_an_error_not_in_a_loop(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    def organizations(request: Any) -> dict[str, Any]:
        return {
            "organizations": [{"id": 1}],
            "end_time": int(request.query["start_time"]),
            "end_of_stream": False,
        }

    zendesk.on(ORGANIZATIONS, organizations)
    with pytest.raises(MalformedResponse, match="end_time"):
        run(source, settings(zendesk))


def test_no_export_starts_within_the_last_minute(zendesk: Any, run: Callable[..., Any]) -> None:
    run(source, settings(zendesk), state={"organizations": {"end_time": NOW_S}})
    assert int(zendesk.asked(ORGANIZATIONS)[0].query["start_time"]) <= NOW_S - 60


def test_a_plan_without_surveys_falls_back_to_the_older_ratings(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    zendesk.on("api/v2/guide/survey_responses", lambda request: answer({"error": "InvalidEndpoint"}, 404))
    zendesk.on(
        "api/v2/satisfaction_ratings.json",
        {"satisfaction_ratings": [{"id": 3, "ticket_id": 1, "score": "bad"}], "meta": {"has_more": False}},
    )
    outcome = run(source, settings(zendesk))
    assert [one["rating_category"] for one in outcome.values("csat_responses")] == ["bad"]
    assert outcome.state["csat_responses"] == {"until": NOW_S}


def test_answers_are_asked_for_again_over_the_overlap(zendesk: Any, run: Callable[..., Any]) -> None:
    run(source, settings(zendesk), state={"csat_responses": {"until": NOW_S - 3600}})
    asked = zendesk.asked("api/v2/guide/survey_responses")[0].query
    assert int(asked["filter[created_at_start]"]) == (NOW_S - 3600 - 30 * 86_400) * 1000


def test_links_that_may_not_be_read_are_left_out_with_a_warning(
    zendesk: Any, run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    zendesk.on("api/services/jira/links", lambda request: answer({"error": "Forbidden"}, 403))
    outcome = run(source, settings(zendesk), known={"jira_links": {"1"}})
    assert "manage links" in caplog.text
    assert "jira_links" not in outcome.state
    assert outcome.tombstones("jira_links") == []
    assert [one["name"] for one in outcome.values("organizations")] == ["Acme"]


def test_new_links_are_read_by_id_and_removed_ones_found_at_the_cadence(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    links = [{"id": number, "ticket_id": "1", "issue_id": "10001"} for number in (1, 2, 4)]

    def page(request: Any) -> dict[str, Any]:
        rest = [one for one in links if one["id"] > int(request.query["since_id"])]
        return {"links": rest[:2], "total": len(links)}

    zendesk.on("api/services/jira/links", page)
    first = run(source, settings(zendesk), known={"jira_links": {"1", "3"}})
    assert [one["link_id"] for one in first.values("jira_links")] == ["1", "2", "4"]
    assert [one["link_id"] for one in first.tombstones("jira_links")] == ["3"]
    assert first.state["jira_links"] == {"since_id": 4, "reread": NOW_S}

    run(source, settings(zendesk), state=first.state)
    assert zendesk.asked("api/services/jira/links")[-1].query["since_id"] == "4"


def test_the_newer_integration_is_read_from_its_own_endpoint(zendesk: Any, run: Callable[..., Any]) -> None:
    zendesk.on(
        "api/v2/integrations/jira/ext-1/links",
        {"links": [{"id": "9", "ticket_id": "1", "issue_id": "10001"}], "meta": {"has_more": False}},
    )
    outcome = run(source, settings(zendesk, jira_integration_id="ext-1"))
    assert [one["link_id"] for one in outcome.values("jira_links")] == ["9"]
    assert zendesk.asked("api/services/jira/links") == []


def test_a_used_up_export_limit_is_waited_out_before_it_is_hit(zendesk: Any, run: Callable[..., Any]) -> None:
    sent: list[float] = []

    def tickets(request: Any) -> Any:
        sent.append(time.monotonic())
        number = len(sent)
        body = {"tickets": [{"id": number}], "after_cursor": f"c{number}", "end_of_stream": number == 2}
        left = "total=10; remaining=0; resets=1" if number == 1 else "total=10; remaining=9; resets=60"
        return answer(body, **{"Zendesk-RateLimit-incremental-exports": left})

    zendesk.on(TICKETS, tickets)
    run(source, settings(zendesk))
    assert sent[1] - sent[0] >= 1.0


def test_a_higher_limit_of_the_account_is_taken_over(zendesk: Any, run: Callable[..., Any]) -> None:
    count = 25

    def tickets(request: Any) -> Any:
        number = int(request.query.get("cursor", "c0")[1:]) + 1
        body = {"tickets": [], "after_cursor": f"c{number}", "end_of_stream": number == count}
        left = f"total=100; remaining={100 - number}; resets=60"
        return answer(body, **{"Zendesk-RateLimit-incremental-exports": left})

    zendesk.on(TICKETS, tickets)
    started = time.monotonic()
    run(source, settings(zendesk))
    assert len(zendesk.asked(TICKETS)) == count
    assert time.monotonic() - started < 20


def test_an_organisation_that_is_no_longer_listed_is_a_tombstone_at_its_cadence(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    zendesk.on("api/v2/organizations", {"organizations": [{"id": 1}], "meta": {"has_more": False}})
    known = {"organizations": {"1", "2"}}
    fresh = {"organizations": {"end_time": NOW_S - 7200, "swept": NOW_S - 3600}}
    assert run(source, settings(zendesk), state=fresh, known=known).tombstones("organizations") == []
    old = {"organizations": {"end_time": NOW_S - 7200, "swept": NOW_S - 86_400}}
    outcome = run(source, settings(zendesk), state=old, known=known)
    assert outcome.tombstones("organizations") == [{"organization_id": "2"}]
    assert outcome.state["organizations"]["swept"] == NOW_S


def test_lists_are_read_by_cursor_since_offsets_end(zendesk: Any, run: Callable[..., Any]) -> None:
    def groups(request: Any) -> dict[str, Any]:
        is_first = "page[after]" not in request.query
        meta = {"has_more": is_first, "after_cursor": "c1" if is_first else "c2"}
        return {"groups": [{"id": 1 if is_first else 2, "name": "Support"}], "meta": meta}

    zendesk.on("api/v2/groups", groups)
    outcome = run(source, settings(zendesk))

    assert [one["group_id"] for one in outcome.values("groups")] == ["1", "2"]
    assert [one.query for one in zendesk.asked("api/v2/groups")] == [
        {"page[size]": "100"},
        {"page[size]": "100", "page[after]": "c1"},
    ]


def test_a_time_based_export_goes_on_from_its_end_time_and_keeps_it(
    zendesk: Any, run: Callable[..., Any]
) -> None:
    """Rows at the boundary come twice; an end time that stands still at the end is none to go on from."""
    ends = {0: (NOW_S - 200, False), NOW_S - 200: (NOW_S - 100, True)}

    def organizations(request: Any) -> dict[str, Any]:
        start = int(request.query["start_time"])
        end_time, is_over = ends.get(start, (start, True))
        rows = [{"id": 1, "name": "Acme"}, {"id": 2 if is_over else 3, "name": "Other"}]
        return {"organizations": rows, "end_time": end_time, "end_of_stream": is_over}

    zendesk.on(ORGANIZATIONS, organizations)
    outcome = run(source, settings(zendesk, start_date="1970-01-01"))

    assert {one["organization_id"] for one in outcome.values("organizations")} == {"1", "2", "3"}
    assert [int(one.query["start_time"]) for one in zendesk.asked(ORGANIZATIONS)] == [0, NOW_S - 200]
    assert outcome.state["organizations"]["end_time"] == NOW_S - 100
