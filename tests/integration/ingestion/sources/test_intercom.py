"""Intercom's connector against a scripted Intercom: what its sandbox cannot easily be brought to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.errors import ConfigurationInvalid, MalformedResponse
from ingestion.sources.intercom import client, source
from ingestion.sources.intercom.settings import IntercomSettings

NOW_S = 1_791_180_000
SEARCH = "conversations/search"
SCROLL = "companies/scroll"


def page(key: str, found: list[Any], after: str | None = None) -> dict[str, Any]:
    pages: dict[str, Any] = {"type": "pages", "page": 1, "per_page": 150, "total_pages": 1}
    if after:
        pages["next"] = {"page": 2, "starting_after": after}
    return {key: found, "total_count": len(found), "pages": pages}


def answer(body: Any, status: int = 200, **headers: str) -> dict[str, Any]:
    return {"answer": body, "status": status, "headers": headers}


def errors(code: str) -> dict[str, Any]:
    return {"type": "error.list", "request_id": "r", "errors": [{"code": code, "message": code}]}


def head(key: str, updated_at: int, **more: Any) -> dict[str, Any]:
    return {"type": "conversation", "id": key, "created_at": 1_780_000_000, "updated_at": updated_at, **more}


def settings(vendor: Any, **more: Any) -> IntercomSettings:
    made = IntercomSettings(base_url=vendor.base_url, access_token="token")
    made.update(more)
    return made


def scrolled(*pages: list[Any]) -> Callable[[Any], Any]:
    """Answers a scroll from its beginning whenever one is opened."""
    left: list[list[Any]] = []

    def handler(request: Any) -> Any:
        if "scroll_param" not in request.query:
            left[:] = [*pages, []]
        return {"type": "list", "data": left.pop(0), "scroll_param": "p"}

    return handler


@pytest.fixture
def intercom(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workspace with one company and nothing else."""
    monkeypatch.setattr(client, "_SCROLL_RETRY_SECONDS", 0.05)
    vendor.on(SEARCH, page("conversations", []))
    vendor.on("conversations/deleted", page("conversations", []))
    vendor.on("contacts/search", page("data", []))
    vendor.on("contacts", page("data", []))
    vendor.on(SCROLL, scrolled([{"id": "c1", "company_id": "1", "name": "Acme"}]))
    vendor.on("admins", {"type": "admin.list", "admins": []})
    vendor.on("teams", {"type": "team.list", "teams": []})
    return vendor


def test_every_request_names_the_version_and_the_search_is_frozen_at_the_runs_start(
    intercom: Any, run: Callable[..., Any]
) -> None:
    pages = iter(
        [
            page("conversations", [head("1", NOW_S - 500)], after="WzE3"),
            page("conversations", [head("2", NOW_S - 400)]),
        ]
    )
    intercom.on(SEARCH, lambda request: next(pages))
    for key in ("1", "2"):
        whole = head(key, NOW_S - 450, conversation_parts={"conversation_parts": [], "total_count": 0})
        intercom.on(f"conversations/{key}", whole)
    state = {"conversations": {"until": NOW_S - 3600}}
    outcome = run(source, settings(intercom), state=state)
    assert {one.headers["Intercom-Version"] for one in intercom.requests} == {"2.17"}
    first, second = (one.body for one in intercom.asked(SEARCH))
    bounds = {one["operator"]: one["value"] for one in first["query"]["value"]}
    assert bounds == {">": NOW_S - 3600 - 600 - 1, "<": NOW_S}
    assert first["sort"] == {"field": "updated_at", "order": "ascending"}
    assert second["query"] == first["query"]
    assert second["pagination"]["starting_after"] == "WzE3"
    assert outcome.state["conversations"] == {"until": NOW_S}
    assert [one["conversation_id"] for one in outcome.values("conversations")] == ["1", "2"]


def test_a_cursor_that_does_not_move_is_told_and_not_followed_for_ever(
    intercom: Any, run: Callable[..., Any]
) -> None:
    intercom.on("contacts/search", page("data", [{"id": "a"}], after="same"))
    with pytest.raises(MalformedResponse, match="starting_after"):
        run(source, settings(intercom))


def test_a_conversation_that_is_gone_by_now_is_left_to_the_deleted_ones(
    intercom: Any, run: Callable[..., Any]
) -> None:
    intercom.on(SEARCH, page("conversations", [head("9", NOW_S - 100)]))
    intercom.on("conversations/9", answer(errors("not_found"), 404))
    gone = {"id": "9", "deleted_at": NOW_S - 50, "metrics_retained": True}
    intercom.on("conversations/deleted", page("conversations", [gone]))
    outcome = run(source, settings(intercom))
    assert outcome.values("conversations") == []
    assert outcome.tombstones("conversations") == [{"conversation_id": "9"}]


def test_deletions_are_read_back_to_the_last_run_only(intercom: Any, run: Callable[..., Any]) -> None:
    def deleted(request: Any) -> Any:
        number = int(request.query["page"])
        found = [{"id": str(number), "deleted_at": NOW_S - number * 3600, "metrics_retained": True}]
        return {"conversations": found, "pages": {"page": number, "total_pages": 50}}

    intercom.on("conversations/deleted", deleted)
    outcome = run(source, settings(intercom), state={"deletions": {"until": NOW_S - 2 * 3600}})
    assert [one["conversation_id"] for one in outcome.tombstones("conversations")] == ["1", "2", "3"]
    assert {one.query["order"] for one in intercom.asked("conversations/deleted")} == {"desc"}


def test_another_open_scroll_is_waited_for(intercom: Any, run: Callable[..., Any]) -> None:
    told = iter([answer(errors("scroll_exists"), 400)] * 2)
    following = scrolled([{"id": "c1"}, {"id": "c2"}])
    intercom.on(SCROLL, lambda request: next(told, None) or following(request))
    outcome = run(source, settings(intercom))
    assert [one["company_id"] for one in outcome.values("companies")] == ["c1", "c2"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(answer(errors("server_error"), 500), id="fails"),
        pytest.param(answer(errors("not_found"), 404), id="expires before its empty page"),
    ],
)
def test_a_scroll_that_breaks_off_starts_again_and_makes_no_tombstones_of_what_it_missed(
    broken: Any, intercom: Any, run: Callable[..., Any]
) -> None:
    asked: list[str] = []

    def scroll(request: Any) -> Any:
        param = request.query.get("scroll_param", "")
        asked.append(param)
        if param and len(asked) == 2:
            return broken
        data = {"": [{"id": "c1"}], "p": [{"id": "c2"}], "q": []}[param]
        return {"type": "list", "data": data, "scroll_param": {"": "p", "p": "q", "q": "q"}[param]}

    intercom.on(SCROLL, scroll)
    outcome = run(source, settings(intercom), known={"companies": {"c1", "c2", "c3"}})
    # Never a second try of the page that failed: it would be the one after.
    assert asked == ["", "p", "", "p", "q"]
    assert [one["company_id"] for one in outcome.values("companies")] == ["c1", "c2"]
    assert outcome.tombstones("companies") == [{"company_id": "c3"}]


def test_a_limit_ends_when_its_reset_says_so(intercom: Any, run: Callable[..., Any]) -> None:
    refusals: list[float] = []

    def teams(request: Any) -> Any:
        if refusals:
            return {"teams": [{"id": "1", "name": "Support"}]}
        refusals.append(time.time())
        reset = {"X-RateLimit-Reset": str(int(time.time()) + 3)}
        return answer(errors("rate_limit_exceeded"), 429, **reset)

    intercom.on("teams", teams)
    outcome = run(source, settings(intercom))
    assert len(intercom.asked("teams")) == 2
    # Longer than a wait that is not told would be.
    assert time.time() - refusals[0] >= 2.1
    assert [one["team_id"] for one in outcome.values("teams")] == ["1"]


def test_contacts_that_are_gone_are_found_by_the_list_at_its_cadence(
    intercom: Any, run: Callable[..., Any]
) -> None:
    intercom.on("contacts", page("data", [{"id": "a"}]))
    known = {"contacts": {"a", "b"}}
    fresh = {"contacts": {"until": NOW_S - 3600, "swept": NOW_S - 3600}}
    assert run(source, settings(intercom), state=fresh, known=known).tombstones("contacts") == []
    old = {"contacts": {"until": NOW_S - 3600, "swept": NOW_S - 8 * 86_400}}
    outcome = run(source, settings(intercom), state=old, known=known)
    assert outcome.tombstones("contacts") == [{"contact_id": "b"}]
    assert outcome.state["contacts"]["swept"] == NOW_S


def test_what_an_older_shape_tells_is_read_alike(intercom: Any, run: Callable[..., Any]) -> None:
    part = {
        "id": "31",
        "part_type": "conversation_attribute_updated_by_admin",
        "created_at": NOW_S - 60,
        "author": {"type": "admin", "id": 7, "email": "a@example.com"},
        "event_details": {"attribute": {"name": "Priority"}, "value": {"name": "high"}},
    }
    whole = head(
        "5",
        NOW_S - 50,
        admin_assignee_id=814860,
        company=None,
        source={"type": "email", "id": "4", "body": "Hi", "author": {"type": "user", "id": "u"}},
        custom_attributes={"Jira issues": "APP-1, APP-22"},
        conversation_rating=None,
        tags={"tags": [{"id": "1", "name": "bug"}, {"id": "2", "name": "closed_by_merge"}]},
        conversation_parts={"conversation_parts": [part], "total_count": 1},
    )
    intercom.on(SEARCH, page("conversations", [whole]))
    intercom.on("conversations/5", whole)
    outcome = run(source, settings(intercom))
    (found,) = outcome.values("conversations")
    assert found["admin_assignee_id"] == "814860"
    assert (found["work_item_keys"], found["tags"]) == ("APP-1;APP-22", "bug;closed_by_merge")
    assert found["is_merged"] is True
    (told,) = outcome.values("conversation_parts")
    assert (told["field"], told["attribute_value"], told["author_id"]) == ("priority", "high", "7")


def test_without_a_token_it_is_said_where_to_get_one(intercom: Any, run: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationInvalid, match="SOURCES__INTERCOM__ACCESS_TOKEN"):
        run(source, settings(intercom, access_token=None))
