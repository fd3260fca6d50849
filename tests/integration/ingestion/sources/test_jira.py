"""Jira's connector against a scripted Jira: what its sandbox cannot easily be brought to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingestion.errors import MalformedResponse, Unauthorized
from ingestion.sources.jira import records, source
from ingestion.sources.jira.settings import JiraSettings

NOW_MS = 1_791_180_000_000
HOUR_MS = 3_600_000
SEARCH = "rest/api/3/search/jql"
DONE = {
    "issues": {"cursor_ms": NOW_MS - HOUR_MS},
    "project:10000": {"done": True},
    "sweep": {"at_ms": NOW_MS - HOUR_MS},
}


@pytest.fixture
def jira(vendor: Any) -> Any:
    """A site with one project and no issue."""
    user = {"accountId": "5b-1", "timeZone": "America/Sao_Paulo"}
    vendor.on("rest/api/3/myself", user)
    vendor.on("rest/api/3/field", [])
    vendor.on(
        "rest/api/3/project/search",
        lambda request: {
            "values": [{"id": "10000", "key": "PRD", "name": "Product"}]
            if request.query["status"] == "live"
            else [],
            "isLast": True,
        },
    )
    vendor.on("rest/api/3/status", [])
    vendor.on("rest/api/3/issuetype", [])
    vendor.on("rest/api/3/users/search", [])
    vendor.on("rest/api/3/project/PRD/version", {"values": [], "isLast": True})
    vendor.on("rest/agile/1.0/board", {"values": [], "isLast": True})
    vendor.on(SEARCH, {"issues": [], "isLast": True})
    vendor.on("rest/api/3/changelog/bulkfetch", {"issueChangeLogs": []})
    return vendor


def settings(vendor: Any, **more: Any) -> JiraSettings:
    made = JiraSettings(
        base_url=vendor.base_url, email="a@example.com", api_token="token", requests_per_second=500
    )
    made.update(more)
    return made


def an_issue(number: int, updated: str = "2026-10-01T10:00:00.000+0000") -> dict[str, Any]:
    return {"id": str(number), "key": f"PRD-{number}", "fields": {"summary": "x", "updated": updated}}


def searches(jira: Any, text: str = "updated") -> list[str]:
    return [one.body["jql"] for one in jira.asked(SEARCH) if text in one.body["jql"]]


def test_a_bad_token_is_told_before_the_search_answers_nothing(jira: Any, run: Callable[..., Any]) -> None:
    jira.on("rest/api/3/myself", lambda request: {"answer": {"errorMessages": ["no"]}, "status": 401})
    with pytest.raises(Unauthorized, match="api_token"):
        run(source, settings(jira))
    assert jira.asked(SEARCH) == []


def test_short_pages_do_not_end_the_list(jira: Any, run: Callable[..., Any]) -> None:
    def search(request: Any) -> dict[str, Any]:
        at = int(request.body.get("nextPageToken") or 0)
        page = {"issues": [an_issue(at + 1)] if at != 1 else [], "isLast": at == 3}
        return page | ({"nextPageToken": str(at + 1)} if at < 3 else {})

    jira.on(SEARCH, search)
    outcome = run(source, settings(jira))
    assert [one["issue_id"] for one in outcome.values("issues")] == ["1", "3", "4"]
    assert outcome.state["project:10000"] == {"done": True}
    assert outcome.state["issues"] == {"cursor_ms": NOW_MS}


def test_the_same_page_token_twice_ends_in_an_error_not_in_a_loop(jira: Any, run: Callable[..., Any]) -> None:
    jira.on(SEARCH, {"issues": [an_issue(1)], "nextPageToken": "t", "isLast": False})
    with pytest.raises(MalformedResponse, match="nextPageToken"):
        run(source, settings(jira))


def test_an_expired_page_token_goes_on_from_the_last_issue(jira: Any, run: Callable[..., Any]) -> None:
    many = [an_issue(number) for number in range(1, 601)]

    def search(request: Any) -> dict[str, Any]:
        if request.body.get("nextPageToken"):
            message = "The provided nextPageToken is invalid or has expired."
            return {"answer": {"errorMessages": [message], "errors": {}}, "status": 400}
        if "updated" in request.body["jql"].split("ORDER")[0]:
            return {"issues": [an_issue(601)], "isLast": True}
        return {"issues": many, "nextPageToken": "t", "isLast": False}

    jira.on(SEARCH, search)
    outcome = run(source, settings(jira))
    assert len(outcome.values("issues")) == 601
    assert searches(jira)[-1] == "project = 10000 AND updated >= 1790848800000 ORDER BY updated ASC, id"


def test_changes_are_asked_by_instant_with_an_overlap(jira: Any, run: Callable[..., Any]) -> None:
    run(source, settings(jira), state=DONE)
    assert searches(jira) == [f"updated >= {NOW_MS - HOUR_MS - 300_000} ORDER BY updated ASC, id"]


def test_minutes_are_those_of_the_users_zone(jira: Any, run: Callable[..., Any]) -> None:
    run(source, settings(jira, cursor_style="minutes"), state=DONE)
    # 05:00 UTC less the overlap, three hours behind in São Paulo.
    assert searches(jira) == ['updated >= "2026-10-05 01:55" ORDER BY updated ASC, id']


def test_a_first_load_goes_on_where_it_stopped_and_reads_what_changed_meanwhile(
    jira: Any, run: Callable[..., Any]
) -> None:
    state = {"issues": {"cursor_ms": 1000_000}, "project:10000": {"cursor_ms": 5_000_000}}
    outcome = run(source, settings(jira), state=state)
    assert sorted(searches(jira)) == [
        "project = 10000 AND updated >= 5000000 ORDER BY updated ASC, id",
        "updated >= 700000 ORDER BY updated ASC, id",
    ]
    assert outcome.state["issues"] == {"cursor_ms": NOW_MS}


def test_an_issue_that_is_gone_is_a_tombstone_and_an_archived_one_stays(
    jira: Any, run: Callable[..., Any]
) -> None:
    def search(request: Any) -> dict[str, Any]:
        if request.body["fields"] == ["id"]:
            return {"issues": [{"id": "1"}], "isLast": True}
        return {"issues": [], "isLast": True}

    jira.on(SEARCH, search)
    jira.on("rest/api/3/issue/3", {"id": "3", "key": "PRD-3"})
    outcome = run(source, settings(jira), state=DONE, known={"issues": {"1", "2", "3"}})
    assert outcome.tombstones("issues") == [{"issue_id": "2"}]
    assert outcome.state["sweep"] == {"at_ms": NOW_MS}


@pytest.mark.parametrize("missing", [2, 20])
def test_an_issue_that_was_moved_out_of_the_projects_that_are_read_is_a_tombstone(
    jira: Any, run: Callable[..., Any], missing: int
) -> None:
    moved = {str(number): "10777" if number else "10000" for number in range(missing)}
    for key, project in moved.items():
        jira.on(f"rest/api/3/issue/{key}", {"id": key, "fields": {"project": {"id": project}}})
    several = [{"id": key, "fields": {"project": {"id": project}}} for key, project in moved.items()]
    jira.on("rest/api/3/issue/bulkfetch", {"issues": several})

    chosen = run(source, settings(jira, projects=["PRD"]), state=DONE, known={"issues": set(moved)})
    every = run(source, settings(jira), state=DONE, known={"issues": set(moved)})

    # The first is archived: it cannot be searched, but it is where it was.
    assert [one["issue_id"] for one in chosen.tombstones("issues")] == sorted(set(moved) - {"0"})
    assert every.tombstones("issues") == []


def test_an_issue_that_can_be_seen_again_is_read_though_it_has_not_changed(
    jira: Any, run: Callable[..., Any]
) -> None:
    def search(request: Any) -> dict[str, Any]:
        if request.body["fields"] == ["id"]:
            return {"issues": [{"id": "1"}, {"id": "2"}], "isLast": True}
        if request.body["jql"].startswith("id in (2) AND updated <"):
            return {"issues": [an_issue(2)], "isLast": True}
        return {"issues": [], "isLast": True}

    jira.on(SEARCH, search)
    outcome = run(source, settings(jira), state=DONE, known={"issues": {"1"}})
    assert [one["issue_id"] for one in outcome.values("issues")] == ["2"]
    assert outcome.state["issues"] == {"cursor_ms": NOW_MS}


def test_the_sweep_keeps_its_cadence(jira: Any, run: Callable[..., Any]) -> None:
    sweep = "created"
    run(source, settings(jira, deletions_every_hours=24), state=DONE, known={"issues": {"1"}})
    assert searches(jira, sweep) == []
    run(source, settings(jira, sweep_each_run_below=1), state=DONE, known={"issues": {"1"}})
    assert searches(jira, sweep) == []
    jira.on("rest/api/3/issue/1", {"id": "1"})
    run(source, settings(jira), state=DONE, known={"issues": {"1"}})
    assert len(searches(jira, sweep)) == 1


def test_most_issues_gone_at_once_is_taken_for_a_lost_permission(
    jira: Any, run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    jira.on("rest/api/3/issue/bulkfetch", {"issues": [], "issueErrors": []})
    known = {"issues": {str(number) for number in range(100)}}
    outcome = run(source, settings(jira), state=DONE, known=known)
    assert outcome.tombstones("issues") == []
    assert "lost permission" in caplog.text
    assert outcome.state["sweep"] == DONE["sweep"]
    raised = run(source, settings(jira, deletion_guard_ratio=1.0), state=DONE, known=known)
    assert len(raised.tombstones("issues")) == 100


def test_a_bulk_read_spares_asking_for_each_archived_issue(jira: Any, run: Callable[..., Any]) -> None:
    archived = [str(number) for number in range(20)]
    jira.on("rest/api/3/issue/bulkfetch", {"issues": [{"id": one} for one in archived]})
    outcome = run(source, settings(jira), state=DONE, known={"issues": set(archived)})
    assert outcome.tombstones("issues") == []
    assert [
        one for one in jira.requests if one.path.startswith("rest/api/3/issue/") and one.method == "GET"
    ] == []


def test_a_project_that_appears_later_is_read_from_its_beginning(jira: Any, run: Callable[..., Any]) -> None:
    jira.on(
        "rest/api/3/project/search",
        lambda request: {
            "values": [{"id": "10000", "key": "PRD"}, {"id": "10001", "key": "NEW"}]
            if request.query["status"] == "live"
            else [],
            "isLast": True,
        },
    )
    jira.on("rest/api/3/project/NEW/version", {"values": [], "isLast": True})
    outcome = run(source, settings(jira), state=DONE)
    assert searches(jira, "project") == ["project = 10001 ORDER BY updated ASC, id"]
    assert outcome.state["project:10001"] == {"done": True}


def test_a_board_without_sprints_is_no_error(jira: Any, run: Callable[..., Any]) -> None:
    boards = [{"id": 1, "type": "scrum"}, {"id": 2, "type": "simple"}, {"id": 3, "type": "kanban"}]
    jira.on("rest/agile/1.0/board", {"values": boards, "isLast": True})
    jira.on(
        "rest/agile/1.0/board/1/sprint",
        {"values": [{"id": 5, "name": "S 5", "state": "active", "originBoardId": 1}], "isLast": True},
    )
    refusal = {"errorMessages": ["The board does not support sprints"]}
    jira.on("rest/agile/1.0/board/2/sprint", lambda request: {"answer": refusal, "status": 400})
    outcome = run(source, settings(jira))
    assert [one["sprint_id"] for one in outcome.values("sprints")] == ["5"]
    assert jira.asked("rest/agile/1.0/board/3/sprint") == []


def test_a_closed_sprint_outlives_its_board(jira: Any, run: Callable[..., Any]) -> None:
    jira.on("rest/agile/1.0/sprint/5", {"id": 5})
    outcome = run(source, settings(jira), known={"sprints": {"5", "6"}, "boards": {"1"}})
    assert outcome.tombstones("sprints") == [{"sprint_id": "6"}]
    assert outcome.tombstones("boards") == [{"board_id": "1"}]


def test_all_users_are_read_although_a_page_is_short(jira: Any, run: Callable[..., Any]) -> None:
    users = [{"accountId": f"5b-{number}"} for number in range(5)]
    jira.on("rest/api/3/users/search", lambda r: users[int(r.query["startAt"]) :][:2])
    outcome = run(source, settings(jira))
    assert len(outcome.values("users")) == 5


def test_changelogs_that_span_pages_are_read_whole(jira: Any, run: Callable[..., Any]) -> None:
    jira.on(SEARCH, {"issues": [an_issue(1)], "isLast": True})

    def changes(request: Any) -> dict[str, Any]:
        number = 2 if request.body.get("nextPageToken") else 1
        history = {"id": str(number), "created": 1762000000000, "items": [{"field": "status", "to": "3"}]}
        page = {"issueChangeLogs": [{"issueId": "1", "changeHistories": [history]}]}
        return page if number == 2 else page | {"nextPageToken": "t"}

    jira.on("rest/api/3/changelog/bulkfetch", changes)
    outcome = run(source, settings(jira))
    assert [one["history_id"] for one in outcome.values("issue_changes")] == ["1", "2"]
    assert {records.epoch_ms(one["changed_at"]) for one in outcome.values("issue_changes")} == {1762000000000}
    assert jira.asked("rest/api/3/changelog/bulkfetch")[0].body["issueIdsOrKeys"] == ["1"]


def test_a_slice_is_committed_with_the_cursor_of_its_last_issue(jira: Any, run: Callable[..., Any]) -> None:
    def search(request: Any) -> dict[str, Any]:
        at = int(request.body.get("nextPageToken") or 0)
        issues = [an_issue(at * 500 + number) for number in range(500)]
        page = {"issues": issues, "isLast": at == 2}
        return page | ({"nextPageToken": str(at + 1)} if at < 2 else {})

    jira.on(SEARCH, search)
    outcome = run(source, settings(jira, rows_per_slice=500))
    assert outcome.slices >= 3
    assert len(outcome.values("issues")) == 1500


def test_every_search_names_its_fields_and_is_bounded(jira: Any, run: Callable[..., Any]) -> None:
    """Without fields an issue is an id and nothing else; without a restriction the search is refused."""
    jira.on("rest/api/3/issue/1", {"id": "1", "key": "PRD-1"})
    parent = an_issue(2)
    parent["fields"]["parent"] = {"key": "PRD-9"}
    jira.on(SEARCH, {"issues": [parent], "isLast": True})
    for state in ({}, DONE):
        run(source, settings(jira), state=state, known={"issues": {"1"}})

    asked = [one.body for one in jira.asked(SEARCH)]
    assert all(one["fields"] for one in asked)
    assert all(one["jql"].split("ORDER BY")[0].strip() for one in asked)
    assert any(one["fields"] == ["*all", "-comment", "-worklog"] for one in asked)


def test_sprints_are_read_whole_each_time_since_their_start_and_end_move_no_issue(
    jira: Any, run: Callable[..., Any]
) -> None:
    jira.on("rest/agile/1.0/board", {"values": [{"id": 1, "type": "scrum"}], "isLast": True})
    for state in ("future", "active", "closed"):
        sprint = {"id": 5, "name": "S 5", "state": state, "originBoardId": 1}
        jira.on("rest/agile/1.0/board/1/sprint", {"values": [sprint], "isLast": True})
        assert [one["state"] for one in run(source, settings(jira), state=DONE).values("sprints")] == [state]
