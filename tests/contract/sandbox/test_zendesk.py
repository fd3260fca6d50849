"""Zendesk's wire, fact by fact."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.sandbox import credentials
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire, basic

API = "/api/v2"
TICKETS = f"{API}/incremental/tickets/cursor.json"
EVENTS = f"{API}/incremental/ticket_events.json"


@pytest.fixture
def zendesk(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("zendesk")


def tickets(answer: Answer) -> dict[int, dict[str, Any]]:
    return {ticket["id"]: ticket for ticket in answer.json["tickets"]}


# --- who may ask


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", basic("pipeline@norte.example/token", "wrong")]
)
def test_wrong_credentials_are_refused(zendesk: Wire, authorization: str | None) -> None:
    headers = {"authorization": authorization} if authorization else None
    answer = zendesk.without_credentials().get(TICKETS, headers, start_time=1)

    assert answer.status == 401
    assert answer.json == {"error": "Couldn't authenticate you"}


def test_client_credentials_give_a_token_and_a_refresh_replaces_both(
    sandboxes: Sandboxes, zendesk: Wire
) -> None:
    known = {"client_id": credentials.ZENDESK_CLIENT_ID, "client_secret": credentials.ZENDESK_CLIENT_SECRET}

    first = zendesk.post("/oauth/tokens", {"grant_type": "client_credentials", "scope": "read", **known}).json
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **known}
    second = zendesk.post("/oauth/tokens", refresh).json

    wire = zendesk.at("/zendesk", authorization=f"Bearer {second['access_token']}")
    assert wire.get(f"{API}/users/me").status == 200
    assert second["access_token"] != first["access_token"]
    assert zendesk.post("/oauth/tokens", refresh).status == 400
    sandboxes.clock.seconds += second["expires_in"] + 1
    assert wire.get(f"{API}/users/me").status == 401


def test_a_token_without_the_scope_is_told_which_it_lacks(zendesk: Wire) -> None:
    known = {"client_id": credentials.ZENDESK_CLIENT_ID, "client_secret": credentials.ZENDESK_CLIENT_SECRET}
    asked = {"grant_type": "client_credentials", "scope": "write", **known}
    token = zendesk.post("/oauth/tokens", asked).json["access_token"]

    answer = zendesk.at("/zendesk", authorization=f"Bearer {token}").get(f"{API}/groups")

    assert answer.status == 403
    assert answer.json["description"] == "Missing the following required scopes: read"


def test_an_account_may_have_no_api_tokens_any_more(sandboxes: Sandboxes) -> None:
    assert sandboxes.at("zendesk", api_tokens=False).get(f"{API}/groups").status == 401


@pytest.mark.parametrize("path", [f"{API}/groups", f"{API}/groups.json"])
def test_paths_come_with_and_without_json(zendesk: Wire, path: str) -> None:
    assert [group["name"] for group in zendesk.get(path).json["groups"]] == ["Support"]


def test_a_missing_record_and_a_missing_endpoint_are_told_apart(zendesk: Wire) -> None:
    assert zendesk.get(f"{API}/tickets/1.json").json["error"] == "RecordNotFound"
    assert zendesk.get(f"{API}/no_such_thing.json").json["error"] == "InvalidEndpoint"


# --- incremental exports


def test_the_cursor_export_ends_with_a_flag_and_a_cursor_to_come_back_with(zendesk: Wire) -> None:
    first = zendesk.get(TICKETS, start_time=1, per_page=7).json
    second = zendesk.follow(first["after_url"]).json
    third = zendesk.get(TICKETS, cursor=second["after_cursor"]).json

    assert (first["end_of_stream"], second["end_of_stream"]) == (False, True)
    assert not {ticket["id"] for ticket in first["tickets"]} & {ticket["id"] for ticket in second["tickets"]}
    assert third["tickets"] == []
    assert third["end_of_stream"] is True
    assert third["after_cursor"] == second["after_cursor"]


def test_the_export_is_ordered_by_the_time_it_was_generated(zendesk: Wire) -> None:
    stamps = [ticket["generated_timestamp"] for ticket in zendesk.get(TICKETS, start_time=1).json["tickets"]]

    assert stamps == sorted(stamps)


def test_the_newest_minute_is_withheld(sandboxes: Sandboxes, zendesk: Wire) -> None:
    app = sandboxes.app()
    wire = sandboxes.at("zendesk", app)

    before = tickets(wire.get(TICKETS, start_time=1))
    app.post("/_sandbox/now", {"now": "2026-10-05T06:01:00Z"})
    after = tickets(wire.get(TICKETS, start_time=1))

    assert 406 not in before
    assert after[406]["priority"] == "high"


def test_a_start_time_of_the_last_minute_is_refused(zendesk: Wire) -> None:
    answer = zendesk.get(TICKETS, start_time=1791180000)  # exactly now

    assert answer.status == 400
    assert answer.json["error"] == "StartTimeTooRecent"


@pytest.mark.parametrize("start", ["1", "1.0", "1970-01-01T00:00:01Z"])
def test_a_start_time_may_be_an_integer_a_float_or_iso(zendesk: Wire, start: str) -> None:
    answer = zendesk.get(f"{API}/incremental/organizations.json", start_time=start)

    assert answer.status == 200
    assert answer.json["organizations"]


def test_time_based_exports_go_on_from_their_end_time(zendesk: Wire) -> None:
    first = zendesk.get(f"{API}/incremental/organizations.json", start_time=1, per_page=5).json
    second = zendesk.follow(first["next_page"]).json

    assert first["end_time"] < second["end_time"]
    assert f"start_time={first['end_time']}" in first["next_page"]
    # The boundary repeats: start_time is inclusive.
    assert first["organizations"][-1]["id"] == second["organizations"][0]["id"]


def test_a_time_based_page_grows_until_its_last_second_is_whole(sandboxes: Sandboxes) -> None:
    path = f"{API}/incremental/users.json"
    # Staff have all begun in the same second.
    whole = sandboxes.at("zendesk").get(path, start_time=1, per_page=1).json
    stuck = sandboxes.at("zendesk", time_export_extends=False).get(path, start_time=1, per_page=1).json

    assert whole["count"] == len(whole["users"]) == 3
    assert stuck["count"] == 1
    assert not stuck["end_of_stream"]


def test_deleted_tickets_come_with_their_status_and_may_be_left_out(zendesk: Wire) -> None:
    assert tickets(zendesk.get(TICKETS, start_time=1))[404]["status"] == "deleted"
    assert 404 not in tickets(zendesk.get(TICKETS, start_time=1, exclude_deleted="true"))


def test_tickets_of_ai_agents_are_left_out_unless_asked_for(zendesk: Wire) -> None:
    assert 412 not in tickets(zendesk.get(TICKETS, start_time=1))
    assert set(tickets(zendesk.get(TICKETS, start_time=1, support_type_scope="ai_agent"))) == {412}
    assert 412 in tickets(zendesk.get(TICKETS, start_time=1, support_type_scope="all"))


def test_unknown_side_loads_are_ignored(zendesk: Wire) -> None:
    assert zendesk.get(TICKETS, start_time=1, include="None,users").json["users"]


def test_metric_sets_lie_in_their_tickets(zendesk: Wire) -> None:
    found = tickets(zendesk.get(TICKETS, start_time=1, include="metric_sets"))[401]["metric_set"]

    # Created, open at 10, reply at 20 (the bot's at 1 does not count), pending at 40, solved at 100; reopened
    # after a day and solved again within 30 minutes.
    assert found["reply_time_in_minutes"] == {"calendar": 20, "business": 20}
    assert found["first_resolution_time_in_minutes"]["calendar"] == 100
    assert found["full_resolution_time_in_minutes"]["calendar"] == 1470
    assert found["requester_wait_time_in_minutes"]["calendar"] == 70
    assert found["agent_wait_time_in_minutes"]["calendar"] == 60
    assert (found["reopens"], found["replies"]) == (1, 1)


def test_times_of_a_metric_set_are_null_until_they_are_known(zendesk: Wire) -> None:
    found = tickets(zendesk.get(TICKETS, start_time=1, include="metric_sets"))[407]["metric_set"]

    assert found["reply_time_in_minutes"]["calendar"] is None
    assert found["full_resolution_time_in_minutes"]["calendar"] is None
    assert found["solved_at"] is None


# --- ticket events


def events_of(wire: Wire, ticket: int, **query: Any) -> list[dict[str, Any]]:
    found = wire.get(EVENTS, start_time=1, **query).json["ticket_events"]
    return [event for event in found if event["ticket_id"] == ticket]


def test_ticket_events_tell_creation_changes_and_comments(zendesk: Wire) -> None:
    events = events_of(zendesk, 401, include="comment_events")
    children = [child for event in events for child in event["child_events"]]

    created = [child for child in children if child["event_type"] == "Create"]
    changed = [child for child in children if child["event_type"] == "Change" and "status" in child]
    comments = [child for child in children if child["event_type"] == "Comment"]
    assert {"status": "new"}.items() <= next(child for child in created if "status" in child).items()
    assert [(child["previous_value"], child["status"]) for child in changed] == [
        ("new", "open"),
        ("open", "pending"),
        ("pending", "solved"),
        ("solved", "open"),
        ("open", "solved"),
    ]
    assert [comment["body"] for comment in comments] == ["It does not work", "We got it", "Try again"]
    assert [comment["via"]["channel"] for comment in comments] == ["email", "rule", "web"]


def test_updates_of_one_moment_are_one_event(zendesk: Wire) -> None:
    opened = events_of(zendesk, 401)[2]

    assert {name for child in opened["child_events"] for name in child} >= {"status", "assignee_id"}
    assert opened["updater_id"] == 800_000_001


def test_comments_show_only_when_they_are_included(zendesk: Wire) -> None:
    comment = next(
        child
        for event in events_of(zendesk, 401)
        for child in event["child_events"]
        if child["event_type"] == "Comment"
    )

    assert comment["comment_present"] is True
    assert "body" not in comment


def test_a_deleted_ticket_has_no_events_but_its_deletion(zendesk: Wire) -> None:
    events = events_of(zendesk, 404, include="comment_events")

    assert [child["status"] for event in events for child in event["child_events"]] == ["deleted"]


def test_a_merge_closes_the_source_with_a_tag_and_a_private_comment(zendesk: Wire) -> None:
    found = tickets(zendesk.get(TICKETS, start_time=1))
    comments = zendesk.get(f"{API}/tickets/402/comments.json").json["comments"]

    assert found[402]["status"] == "closed"
    assert "closed_by_merge" in found[402]["tags"]
    assert found[403]["status"] == "new"
    assert comments[-1]["via"]["source"]["rel"] == "merge"
    assert comments[-1]["public"] is False


# --- lists


def test_the_same_list_pages_by_cursor_or_by_offset(zendesk: Wire) -> None:
    by_cursor = zendesk.get(f"{API}/users.json?page[size]=2").json
    by_offset = zendesk.get(f"{API}/users.json", per_page=2).json

    assert by_cursor["meta"]["has_more"] is True
    assert by_cursor["users"] == by_offset["users"]
    assert by_offset["count"] == 15 - 1  # one user was merged away
    following = zendesk.follow(by_cursor["links"]["next"]).json["users"]
    assert following == zendesk.follow(by_offset["next_page"]).json["users"]


def test_an_empty_cursor_page_has_no_cursor(zendesk: Wire) -> None:
    meta = zendesk.get(
        f"{API}/guide/survey_responses?page[size]=10&filter[created_at_start]=1791180000000"
    ).json["meta"]

    assert meta == {"has_more": False, "after_cursor": None, "before_cursor": None}


def test_offsets_end_at_page_one_hundred(zendesk: Wire) -> None:
    answer = zendesk.get(f"{API}/users.json", page=101)

    assert answer.status == 400
    assert answer.json["error"] == "InvalidPaginationDepth"


def test_lists_leave_out_deleted_and_archived_tickets(zendesk: Wire) -> None:
    listed = {ticket["id"] for ticket in zendesk.get(f"{API}/tickets.json").json["tickets"]}

    assert 404 not in listed
    assert 405 not in listed  # closed more than 120 days ago
    assert zendesk.get(f"{API}/tickets/405.json").json["ticket"]["status"] == "closed"


@pytest.mark.parametrize("tail", ["", "/comments", "/audits", "/metrics"])
def test_a_deleted_ticket_is_gone(zendesk: Wire, tail: str) -> None:
    assert zendesk.get(f"{API}/tickets/404{tail}.json").status == 404
    assert [one["id"] for one in zendesk.get(f"{API}/deleted_tickets.json").json["deleted_tickets"]] == [404]


def test_metric_events_answer_to_page_size_with_meta(zendesk: Wire) -> None:
    path = f"{API}/incremental/ticket_metric_events.json"

    assert "meta" in zendesk.get(f"{path}?start_time=1&page[size]=100").json
    exported = zendesk.get(path, start_time=1).json
    assert exported["end_of_stream"] is True
    assert {event["metric"] for event in exported["ticket_metric_events"]} >= {
        "reply_time",
        "agent_work_time",
    }


def test_all_audits_are_read_backwards_from_the_newest(zendesk: Wire) -> None:
    first = zendesk.get(f"{API}/ticket_audits.json", limit=5).json
    second = zendesk.follow(first["before_url"]).json

    times = [audit["created_at"] for audit in first["audits"] + second["audits"]]
    assert times == sorted(times, reverse=True)


# --- people, satisfaction, links


def test_a_search_finds_by_type_and_time(zendesk: Wire) -> None:
    every = zendesk.get("/api/v2/users").json["users"]
    found = zendesk.get("/api/v2/search.json", query=" updated>2000-01-01T00:00:00Z type:user").json
    none = zendesk.get("/api/v2/search", query="type:user updated<2000-01-02").json

    assert {one["id"] for one in found["results"]} == {one["id"] for one in every}
    assert {one["result_type"] for one in found["results"]} == {"user"}
    assert (found["count"], none["count"]) == (len(every), 0)


def test_a_search_that_is_not_understood_or_goes_past_a_thousand_rows_is_refused(zendesk: Wire) -> None:
    assert zendesk.get("/api/v2/search", query="colour:red").status == 422
    assert zendesk.get("/api/v2/search", query="type:user", page=11).status == 422


def test_users_carry_an_external_id_or_none_and_where_they_live(zendesk: Wire) -> None:
    users = {
        user["id"]: user
        for user in zendesk.get(f"{API}/incremental/users/cursor.json", start_time=1).json["users"]
    }

    assert users[700_000_201]["external_id"] == "201"
    assert users[700_000_210]["external_id"] is None
    assert users[800_000_003]["iana_time_zone"] == "Europe/Berlin"
    assert users[800_000_003]["role"] == "agent"
    assert users[800_000_002]["active"] is False


def test_a_merged_user_is_inactive_and_his_tickets_move(zendesk: Wire) -> None:
    assert zendesk.get(f"{API}/users/700000202.json").json["user"]["active"] is False
    assert zendesk.get(f"{API}/tickets/402.json").json["ticket"]["requester_id"] == 700_000_203


def test_organisations_tell_when_they_were_deleted(zendesk: Wire) -> None:
    found = zendesk.get(f"{API}/incremental/organizations.json", start_time=1).json["organizations"]
    organizations = {org["id"]: org for org in found}

    assert organizations[900_000_101]["external_id"] == "101"
    assert organizations[900_000_110]["external_id"] is None
    assert organizations[900_000_110]["domain_names"] == ["account10.example"]
    assert organizations[900_000_104]["deleted_at"] == "2026-09-12T12:00:00Z"
    assert organizations[900_000_102]["deleted_at"] == "2026-02-15T12:00:00Z"  # merged


def test_ratings_come_as_survey_responses_and_in_the_old_form(zendesk: Wire) -> None:
    surveys = zendesk.get(f"{API}/guide/survey_responses?page[size]=10").json["survey_responses"]
    ratings = zendesk.get(f"{API}/satisfaction_ratings.json", score="good").json["satisfaction_ratings"]

    assert [survey["id"] for survey in surveys] == ["R801", "R802"]
    assert surveys[0]["subjects"][0]["id"] == "401"
    assert [answer["type"] for answer in surveys[0]["answers"]] == ["rating_scale", "open_ended"]
    assert surveys[0]["answers"][0]["rating_category"] == "good"
    assert surveys[1]["answers"][1]["type"] == "skipped"
    assert [(rating["id"], rating["comment"]) for rating in ratings] == [(801, "Thanks")]


def test_survey_responses_filter_by_milliseconds(zendesk: Wire) -> None:
    since = "filter[created_at_start]=1768737600001"  # just after the first rating

    found = zendesk.get(f"{API}/guide/survey_responses?page[size]=10&{since}").json["survey_responses"]

    assert [survey["id"] for survey in found] == ["R802"]


def test_surveys_are_not_on_every_plan(sandboxes: Sandboxes) -> None:
    answer = sandboxes.at("zendesk", survey_responses=False).get(f"{API}/guide/survey_responses")

    assert (answer.status, answer.json["error"]) == (404, "InvalidEndpoint")


def test_links_to_jira_come_from_the_old_and_the_new_integration(zendesk: Wire) -> None:
    old = zendesk.get("/api/services/jira/links").json
    new = zendesk.get(
        f"{API}/integrations/jira/{credentials.ZENDESK_JIRA_INTEGRATION}/links?page[size]=10"
    ).json

    assert old["links"][0]["issue_key"] == "PRD-1"
    assert old["total"] == 1
    assert zendesk.get("/api/services/jira/links", since_id=901).json == {"links": [], "total": 0}
    assert new["links"] == [{"ticket_id": "401", "issue_id": "10001", "issue_key": "PRD-1"}]
    assert new["meta"]["has_more"] is False
    assert zendesk.get(f"{API}/jira/links?filter[ticket_id]=402").json["links"] == []


def test_links_are_forbidden_unless_they_are_switched_on(sandboxes: Sandboxes) -> None:
    answer = sandboxes.at("zendesk", jira_links=False).get("/api/services/jira/links")

    assert answer.status == 403
    assert answer.json["error"]["title"] == "Forbidden"


# --- limits


def test_every_answer_tells_the_account_limit_and_exports_their_own(zendesk: Wire) -> None:
    headers = zendesk.get(TICKETS, start_time=1).headers

    assert headers["x-rate-limit"] == headers["ratelimit-limit"] == "2500"
    assert headers["x-rate-limit-remaining"] == "2499"
    assert headers["zendesk-ratelimit-incremental-exports"] == "total=30; remaining=29; resets=60"


def test_users_by_cursor_have_a_bucket_of_their_own(zendesk: Wire) -> None:
    headers = zendesk.get(f"{API}/incremental/users/cursor.json", start_time=1).headers

    assert headers["zendesk-ratelimit-incremental-exports-cursor"].startswith("total=60; remaining=59")
    assert "zendesk-ratelimit-incremental-exports" not in headers


def test_over_the_limit_the_wait_is_always_told_in_whole_seconds(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("zendesk", incremental_exports=2)

    statuses = [wire.get(TICKETS, start_time=1).status for _ in range(2)]
    sandboxes.clock.seconds += 17.5
    refused = wire.get(TICKETS, start_time=1)
    sandboxes.clock.seconds += int(refused.headers["retry-after"])

    assert statuses == [200, 200]
    assert refused.status == 429
    assert refused.headers["retry-after"] == "43"
    assert refused.json["error"] == "APIRateLimitExceeded"
    assert wire.get(TICKETS, start_time=1).status == 200
