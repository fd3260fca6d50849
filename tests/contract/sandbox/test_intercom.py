"""Intercom's wire, fact by fact."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import orjson
import pytest

from tests.contract.sandbox.tiny import NOW, day
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire

PINNED = {"Intercom-Version": "2.17"}
EARLIER = {"Intercom-Version": "2.16"}


@pytest.fixture
def intercom(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("intercom")


def epoch(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1)).total_seconds())


def search(
    wire: Wire,
    what: str,
    *filters: tuple[str, str, Any],
    headers: dict[str, str] = PINNED,
    order: str = "ascending",
    field: str = "updated_at",
    **paging: Any,
) -> Answer:
    value = [{"field": name, "operator": operator, "value": value} for name, operator, value in filters]
    body = {
        "query": {"operator": "AND", "value": value},
        "pagination": paging,
        "sort": {"field": field, "order": order},
    }
    return wire.post(f"/{what}/search", body, headers=headers)


def ids(answer: Answer, key: str = "conversations") -> list[str]:
    return [one["id"] for one in answer.json[key]]


EVERY = ("updated_at", ">", 0)


# --- access, errors, versions


@pytest.mark.parametrize("token", ["", "Bearer wrong"])
def test_a_wrong_token_is_401_in_an_error_list(intercom: Wire, token: str) -> None:
    answer = intercom.get("/me", headers={"authorization": token})
    assert answer.status == 401
    assert answer.json["type"] == "error.list"
    assert answer.json["errors"][0]["code"] in ("token_unauthorized", "unauthorized")
    assert answer.json["request_id"]


def test_what_is_not_there_is_not_found(intercom: Wire) -> None:
    for path in ("/conversations/1", "/contacts/0", "/nowhere"):
        answer = intercom.get(path)
        assert (answer.status, answer.json["errors"][0]["code"]) == (404, "not_found")


def test_me_tells_the_workspaces_time_zone(intercom: Wire) -> None:
    app = intercom.get("/me").json["app"]
    assert app.keys() >= {"id_code", "timezone", "region"}
    assert app["timezone"] == "America/Sao_Paulo"


def test_without_a_version_the_apps_own_applies(sandboxes: Sandboxes) -> None:
    older, newer = (sandboxes.at("intercom", app_version=version) for version in ("2.14", "2.17"))
    assert "company" not in older.get("/conversations/401").json
    assert "company" in newer.get("/conversations/401").json
    assert older.get("/conversations/deleted").status == 404
    assert newer.get("/conversations/deleted").status == 200


def test_an_unknown_version_is_refused(intercom: Wire) -> None:
    answer = intercom.get("/me", headers={"Intercom-Version": "9.9"})
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "intercom_version_invalid")


def test_assignees_are_numbers_before_2_16(intercom: Wire) -> None:
    def assignee(version: str) -> Any:
        return intercom.get("/conversations/401", headers={"Intercom-Version": version}).json[
            "admin_assignee_id"
        ]

    assert isinstance(assignee("2.15"), int)
    assert assignee("2.16") == str(assignee("2.15"))


# --- limits


def test_the_limit_is_a_window_of_ten_seconds_without_retry_after(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("intercom", requests_per_minute=18)
    answers = [wire.get("/me") for _ in range(4)]
    assert [one.status for one in answers] == [200, 200, 200, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["2", "1", "0", "0"]
    assert {one.headers["x-ratelimit-limit"] for one in answers} == {"3"}
    refused = answers[-1]
    assert "retry-after" not in refused.headers
    assert refused.json["errors"] == [
        {"code": "rate_limit_exceeded", "message": "Exceeded rate limit of 3 in 10_seconds"}
    ]
    assert int(refused.headers["x-ratelimit-reset"]) == epoch(NOW) + 10
    sandboxes.clock.seconds += 10
    assert wire.get("/me").status == 200


def test_by_default_it_is_167_in_ten_seconds(intercom: Wire) -> None:
    assert intercom.get("/me").headers["x-ratelimit-limit"] == "167"


# --- searches


def test_a_search_pages_by_a_cursor_and_the_last_page_has_no_next(intercom: Wire) -> None:
    first = search(intercom, "conversations", EVERY, per_page=4)
    assert first.json["type"] == "conversation.list"
    pages = first.json["pages"]
    assert (pages["type"], pages["per_page"]) == ("pages", 4)
    after = pages["next"]["starting_after"]
    assert orjson.loads(base64.b64decode(after))
    found, answer = ids(first), first
    while "next" in answer.json["pages"]:
        after = answer.json["pages"]["next"]["starting_after"]
        answer = search(intercom, "conversations", EVERY, per_page=4, starting_after=after)
        found += ids(answer)
    assert "next" not in answer.json["pages"]
    assert len(found) == len(set(found)) == first.json["total_count"]


def test_a_body_without_a_cursor_begins_again(intercom: Wire) -> None:
    assert ids(search(intercom, "conversations", EVERY, per_page=4)) == ids(
        search(intercom, "conversations", EVERY, per_page=4)
    )


@pytest.mark.parametrize("size", [0, 151])
def test_more_than_150_a_page_is_refused(intercom: Wire, size: int) -> None:
    answer = search(intercom, "conversations", EVERY, per_page=size)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "parameter_invalid")


def test_conversations_are_searched_to_the_second_in_every_version(intercom: Wire) -> None:
    every = search(intercom, "conversations", EVERY, per_page=150).json["conversations"]
    at = every[3]["updated_at"]
    for headers in (PINNED, {"Intercom-Version": "2.9"}):
        later = search(intercom, "conversations", ("updated_at", ">", at), headers=headers, per_page=150)
        assert ids(later) == [one["id"] for one in every if one["updated_at"] > at]
        # As connectors ask; and numbers come as floats too.
        body = {
            "query": {
                "operator": "OR",
                "value": [
                    {"field": "updated_at", "operator": ">", "value": float(at)},
                    {"field": "updated_at", "operator": "=", "value": float(at)},
                ],
            },
            "pagination": {"per_page": 150},
            "sort": {"field": "updated_at", "order": "ascending"},
        }
        from_then = intercom.post("/conversations/search", body, headers=headers)
        assert ids(from_then) == [one["id"] for one in every if one["updated_at"] >= at]


def test_conversations_can_be_sorted_by_id_with_an_empty_id_as_filter(intercom: Wire) -> None:
    query = {
        "operator": "AND",
        "value": [
            {
                "operator": "OR",
                "value": [
                    {"field": "id", "operator": ">", "value": ""},
                    {"field": "id", "operator": "=", "value": ""},
                ],
            },
            {"field": "updated_at", "operator": ">", "value": 0},
        ],
    }
    body = {"query": query, "sort": {"field": "id", "order": "ascending"}, "pagination": {"per_page": 150}}
    found = ids(intercom.post("/conversations/search", body, headers={"Intercom-Version": "2.12"}))
    assert found == sorted(found, key=int)
    assert found == sorted(ids(search(intercom, "conversations", EVERY, per_page=150)), key=int)


def test_filters_are_limited_in_depth_and_number(intercom: Wire) -> None:
    one = {"field": "updated_at", "operator": ">", "value": 0}
    deep: dict[str, Any] = one
    for _ in range(3):
        deep = {"operator": "AND", "value": [deep]}
    assert intercom.post("/conversations/search", {"query": deep}).status == 400
    wide = {"operator": "AND", "value": [one] * 16}
    assert intercom.post("/conversations/search", {"query": wide}).status == 400
    assert intercom.post("/conversations/search", {}).status == 400


def test_before_2_17_contacts_are_searched_by_day_in_the_workspaces_zone(intercom: Wire) -> None:
    every = search(intercom, "contacts", EVERY, per_page=150).json["data"]
    # São Paulo is three hours behind: its day begins at 03:00 UTC.
    at = every[5]["updated_at"]
    begin = (at - 3 * 3600) // 86_400 * 86_400 + 3 * 3600
    for operator, wanted in (
        (">", lambda moment: moment >= begin + 86_400),
        ("<", lambda moment: moment < begin),
        ("=", lambda moment: begin <= moment < begin + 86_400),
    ):
        found = search(intercom, "contacts", ("updated_at", operator, at), headers=EARLIER, per_page=150)
        assert set(ids(found, "data")) == {one["id"] for one in every if wanted(one["updated_at"])}, operator
    for operator in (">=", "<=", "!=", "IN", "NIN"):
        refused = search(intercom, "contacts", ("updated_at", operator, at), headers=EARLIER)
        assert refused.status == 400, operator
    assert {one["id"] for one in every if at <= one["updated_at"] < begin + 86_400}, "a day's rest is lost"


def test_from_2_17_on_contacts_are_searched_to_the_second(intercom: Wire) -> None:
    every = search(intercom, "contacts", EVERY, per_page=150).json["data"]
    at = every[5]["updated_at"]
    found = search(intercom, "contacts", ("updated_at", ">", at), per_page=150)
    assert ids(found, "data") == [one["id"] for one in every if one["updated_at"] > at]


# --- conversations


def test_parts_come_with_the_conversation_alone(intercom: Wire) -> None:
    heads = search(intercom, "conversations", EVERY).json["conversations"]
    assert all("conversation_parts" not in one for one in heads)
    whole = intercom.get("/conversations/401", display_as="plaintext").json
    parts = whole["conversation_parts"]
    assert parts["total_count"] == len(parts["conversation_parts"]) > 0
    assert {one["type"] for one in parts["conversation_parts"]} == {"conversation_part"}


def test_a_conversations_life_is_told_by_its_parts(intercom: Wire) -> None:
    whole = intercom.get("/conversations/401", headers=PINNED, display_as="plaintext").json
    told = [(one["part_type"], one["state"]) for one in whole["conversation_parts"]["conversation_parts"]]
    moves = [pair for pair in told if pair[0] in ("open", "snoozed", "close")]
    # Opened without a part, waiting for the customer, solved, opened again, solved.
    assert moves == [("snoozed", "snoozed"), ("close", "closed"), ("open", "open"), ("close", "closed")]
    assert (whole["state"], whole["open"]) == ("closed", False)
    assert isinstance(whole["created_at"], int)
    assert whole["statistics"]["count_reopens"] == 1
    assert whole["source"]["author"]["type"] == "user"
    rating = whole["conversation_rating"]
    assert (rating["rating"] in range(1, 6), rating["contact"]["type"]) == (True, "contact")
    assert whole["custom_attributes"]["Jira issues"]


def test_texts_are_html_unless_plain_text_is_asked_for(intercom: Wire) -> None:
    html, plain = (
        intercom.get("/conversations/401", **query).json for query in ({}, {"display_as": "plaintext"})
    )
    assert html["source"]["body"] == f"<p>{plain['source']['body']}</p>"
    assert not plain["source"]["body"].startswith("<")


def test_of_many_parts_the_newest_500_are_shown(sandboxes: Sandboxes, monkeypatch: Any) -> None:
    from ingestion.sandbox.vendors.intercom import inbox

    assert inbox.MOST_PARTS == 500
    every = sandboxes.at("intercom").get("/conversations/401").json["conversation_parts"]
    monkeypatch.setattr(inbox, "MOST_PARTS", 3)
    few = sandboxes.at("intercom").get("/conversations/401").json["conversation_parts"]
    assert few["conversation_parts"] == every["conversation_parts"][-3:]
    assert few["total_count"] == every["total_count"]


def test_a_deleted_conversation_is_404_and_listed_as_deleted(intercom: Wire) -> None:
    assert intercom.get("/conversations/404").status == 404
    assert "404" not in ids(search(intercom, "conversations", EVERY, per_page=150))
    listed = intercom.get("/conversations/deleted", headers=PINNED, per_page=1, order="desc").json
    assert listed["conversations"] == [{"id": "404", "deleted_at": epoch(day(250)), "metrics_retained": True}]
    assert (listed["pages"]["total_pages"], "next" in listed["pages"]) == (1, False)
    assert intercom.get("/conversations/deleted", headers={"Intercom-Version": "2.15"}).status == 404


def test_a_reply_bumps_the_conversation(sandboxes: Sandboxes) -> None:
    before, after = (
        sandboxes.at("intercom", now=moment).get("/conversations/401").json["updated_at"]
        for moment in (day(11.5), day(12.5))
    )
    assert epoch(day(11)) <= before < after == epoch(day(12)) + 1800


# --- contacts and companies


def test_contacts_have_the_lists_that_clients_follow(intercom: Wire) -> None:
    answer = intercom.get("/contacts", per_page=2)
    assert answer.json["pages"]["next"]["starting_after"]
    for one in answer.json["data"]:
        for name in ("tags", "notes", "companies", "opted_out_subscription_types"):
            assert one[name].keys() >= {"type", "data", "url", "total_count", "has_more"}, name
            assert intercom.get(one[name]["url"]).status == 200, name


def test_a_merged_contact_is_gone_and_only_the_survivor_tells(intercom: Wire) -> None:
    source, target = f"65f0{202:020x}", f"65f0{203:020x}"
    assert intercom.get(f"/contacts/{source}").status == 404
    assert source not in ids(search(intercom, "contacts", EVERY, per_page=150), "data")
    history = intercom.get(f"/contacts/{target}/merge_history", headers=PINNED).json["data"]
    assert [one["source_contact_id"] for one in history] == [source]
    shown = intercom.get(f"/contacts/{target}", headers=PINNED, include_merge_history="true").json
    assert shown["merge_history"] == history
    assert "merge_history" not in intercom.get(f"/contacts/{target}", headers=PINNED).json
    earlier = {"Intercom-Version": "2.15"}
    assert intercom.get(f"/contacts/{target}/merge_history", headers=earlier).status == 404
    assert intercom.get("/conversations/402").json["contacts"]["contacts"][0]["id"] == target


def test_the_scroll_ends_with_an_empty_page_and_then_404(intercom: Wire) -> None:
    first = intercom.get("/companies/scroll")
    assert first.json.keys() >= {"type", "data", "scroll_param"}
    param, found, answer = first.json["scroll_param"], first.json["data"], first
    while answer.json["data"]:
        answer = intercom.get("/companies/scroll", scroll_param=param)
        found = found + answer.json["data"]
    assert answer.status == 200
    ended = intercom.get("/companies/scroll", scroll_param=param)
    assert (ended.status, ended.json["errors"][0]["code"]) == (404, "not_found")
    assert len({one["id"] for one in found}) == len(found) > 0
    # It ended: the next may begin.
    assert intercom.get("/companies/scroll").status == 200


def test_one_scroll_at_a_time_until_it_was_idle_for_a_minute(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("intercom")
    param = wire.get("/companies/scroll").json["scroll_param"]
    second = wire.get("/companies/scroll")
    assert (second.status, second.json["errors"][0]["code"]) == (400, "scroll_exists")
    sandboxes.clock.seconds += 59
    assert wire.get("/companies/scroll", scroll_param=param).status == 200
    sandboxes.clock.seconds += 60
    assert wire.get("/companies/scroll", scroll_param=param).status == 404
    assert wire.get("/companies/scroll").status == 200


def test_deleted_and_merged_companies_are_gone(intercom: Wire) -> None:
    found = {one["id"] for one in intercom.get("/companies/scroll").json["data"]}
    assert f"66c0{103:020x}" in found
    assert not {f"66c0{102:020x}", f"66c0{104:020x}"} & found


def test_the_list_of_companies_has_15_a_page_and_leaves_out_those_without_users(
    sandboxes: Sandboxes,
) -> None:
    wire = sandboxes.at("intercom")
    listed = wire.post("/companies/list", {}).json
    assert (listed["pages"]["per_page"], listed["pages"]["page"]) == (15, 1)
    beyond = wire.post("/companies/list", {"page": 99}).json
    assert beyond["data"] == []
    scrolled = {one["id"]: one["user_count"] for one in wire.get("/companies/scroll").json["data"]}
    every = wire.post("/companies/list", {"per_page": 60}).json["data"]
    assert {one["id"] for one in every} == {key for key, count in scrolled.items() if count}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/admins", "admins"),
        ("/teams", "teams"),
        ("/segments", "segments"),
        ("/tags", "data"),
        ("/data_attributes?model=conversation", "data"),
        ("/ticket_types", "data"),
    ],
)
def test_lists_have_their_own_keys_and_no_pages(intercom: Wire, path: str, key: str) -> None:
    answer = intercom.get(path)
    assert answer.status == 200
    assert isinstance(answer.json[key], list)
    assert "pages" not in answer.json
