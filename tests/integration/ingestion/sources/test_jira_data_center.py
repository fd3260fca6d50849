"""Jira's connector against a scripted Data Center, and against the sandbox's: the same rows as from Cloud."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import MalformedResponse, Unauthorized
from ingestion.sandbox import credentials
from ingestion.sources.jira import source
from ingestion.sources.jira.settings import JiraSettings

SEARCH = "rest/api/2/search"
AT = "2026-10-01T10:00:00.000-0300"


@pytest.fixture
def jira(vendor: Any) -> Any:
    """A site with one project and no issue."""
    vendor.on("rest/api/2/myself", {"key": "JIRAUSER1", "name": "ana", "timeZone": "America/Sao_Paulo"})
    vendor.on("rest/api/2/field", [])
    vendor.on("rest/api/2/project", [{"id": "10000", "key": "PRD", "name": "Product"}])
    vendor.on("rest/api/2/status", [])
    vendor.on("rest/api/2/issuetype", [])
    vendor.on("rest/api/2/user/search", [])
    vendor.on("rest/api/2/project/PRD/versions", [])
    vendor.on("rest/agile/1.0/board", {"values": [], "isLast": True})
    vendor.on(SEARCH, {"issues": [], "total": 0})
    return vendor


def settings(vendor: Any, **more: Any) -> JiraSettings:
    made = JiraSettings(
        base_url=vendor.base_url, deployment="data_center", access_token="token", requests_per_second=500
    )
    made.update(more)
    return made


def an_issue(number: int, **fields: Any) -> dict[str, Any]:
    shown = {"summary": "x", "updated": "2026-10-01T10:00:00.000+0000", **fields}
    log = {"total": 0, "histories": []}
    return {"id": str(number), "key": f"PRD-{number}", "fields": shown, "changelog": log}


def test_an_answer_as_to_anybody_ends_the_run(jira: Any, run: Callable[..., Any]) -> None:
    nobody = {"answer": {"issues": [], "total": 0}, "headers": {"X-AUSERNAME": "anonymous"}}
    jira.on(SEARCH, lambda request: nobody)
    with pytest.raises(Unauthorized, match="access_token"):
        run(source, settings(jira))


def test_pages_that_are_cut_silently_are_read_to_the_end(jira: Any, run: Callable[..., Any]) -> None:
    many = [an_issue(number) for number in range(1, 24)]

    def search(request: Any) -> dict[str, Any]:
        at = int(request.query["startAt"])
        page = many[at : at + 10]
        if request.query.get("expand") != "changelog":
            page = [{name: one[name] for name in ("id", "key", "fields")} for one in page]
        return {"issues": page, "total": len(many), "startAt": at, "maxResults": 10}

    jira.on(SEARCH, search)
    outcome = run(source, settings(jira))
    assert sorted(int(one["issue_id"]) for one in outcome.values("issues")) == list(range(1, 24))
    # Their changelogs came with them.
    assert [one.path for one in jira.requests if one.path.startswith("rest/api/2/issue/")] == []


def test_issues_that_move_to_the_end_while_it_reads_push_none_out(jira: Any, run: Callable[..., Any]) -> None:
    """After each page, all issues of it change: those not yet read move up by a page."""
    order = [an_issue(number) for number in range(1, 61)]
    moves = {"left": 3}

    def search(request: Any) -> dict[str, Any]:
        at = int(request.query["startAt"])
        page = order[at : at + 10]
        if moves["left"]:
            moves["left"] -= 1
            for one in page:
                order.remove(one)
                order.append(an_issue(int(one["id"]), updated="2026-10-02T10:00:00.000+0000"))
        return {"issues": page, "total": len(order)}

    jira.on(SEARCH, search)
    outcome = run(source, settings(jira))
    assert {int(one["issue_id"]) for one in outcome.values("issues")} == set(range(1, 61))


def test_a_changelog_that_was_cut_is_read_again_and_never_taken_for_whole(
    jira: Any, run: Callable[..., Any]
) -> None:
    item = {"field": "status", "from": "1", "fromString": "Open", "to": "3", "toString": "Doing"}
    histories = [
        {
            "id": str(n),
            "created": "2026-10-01T10:00:00.000-0300",
            "author": {"key": "JIRAUSER7"},
            "items": [item],
        }
        for n in (1, 2)
    ]
    cut = {**an_issue(1), "changelog": {"total": 2, "histories": histories[:1]}}
    whole = {"id": "1", "changelog": {"total": 2, "histories": histories}}
    jira.on(SEARCH, {"issues": [cut], "total": 1})
    jira.on("rest/api/2/field", [{"id": "status", "name": "Status"}])
    jira.on("rest/api/2/issue/1", whole)
    found = run(source, settings(jira)).values("issue_changes")
    assert [one["history_id"] for one in found] == ["1", "2"]
    assert {one["author_id"] for one in found} == {"JIRAUSER7"}
    assert {one["field_id"] for one in found} == {"status"}
    jira.on("rest/api/2/issue/1", {"id": "1", "changelog": cut["changelog"]})
    with pytest.raises(MalformedResponse, match="whole changelog"):
        run(source, settings(jira))


def test_what_an_issue_belongs_to_is_found_by_the_key_of_its_link(jira: Any, run: Callable[..., Any]) -> None:
    link = {"custom": "com.pyxis.greenhopper.jira:gh-epic-link"}
    jira.on(
        "rest/api/2/field", [{"id": "customfield_1", "name": "Epic Link", "custom": True, "schema": link}]
    )
    kinds = {"epic": {"id": "1", "name": "Épico", "subtask": False}, "task": {"id": "2", "name": "Task"}}

    def search(request: Any) -> dict[str, Any]:
        if request.query["jql"].startswith("key in"):
            # A key that is gone spoils the query.
            return {"answer": {"errorMessages": ["no such key"]}, "status": 400}
        issues = [
            an_issue(1, issuetype=kinds["epic"]),
            an_issue(2, issuetype=kinds["task"] | {"subtask": False}, customfield_1="PRD-1"),
            an_issue(3, issuetype=kinds["task"] | {"subtask": True}, parent={"id": "2", "key": "PRD-2"}),
            an_issue(4, issuetype=kinds["task"] | {"subtask": False}, customfield_1="OLD-9"),
        ]
        return {"issues": issues, "total": 4}

    jira.on(SEARCH, search)
    jira.on("rest/api/2/issue/PRD-1", {"id": "1", "key": "PRD-1"})
    found = {one["issue_id"]: one for one in run(source, settings(jira)).values("issues")}
    assert {key: one["parent_id"] for key, one in found.items()} == {"1": None, "2": "1", "3": "2", "4": None}
    assert {key: one["hierarchy_level"] for key, one in found.items()} == {"1": 1, "2": 0, "3": -1, "4": 0}


def test_changes_are_asked_by_minute_of_the_users_zone(jira: Any, run: Callable[..., Any]) -> None:
    hour_ago = 1_791_180_000_000 - 3_600_000
    state = {
        "issues": {"cursor_ms": hour_ago},
        "project:10000": {"done": True},
        "sweep": {"at_ms": hour_ago},
    }
    run(source, settings(jira), state=state)
    asked = [one.query["jql"] for one in jira.asked(SEARCH)]
    assert asked == ['updated >= "2026-10-05 01:55" ORDER BY updated ASC, id']


# Wiki text has empty lines where a document has paragraphs.
_SAME = r"""
    select issue_id, issue_key, project_id, project_key, issue_type_id, hierarchy_level, summary,
        regexp_replace(description_text, '\s+', ' ', 'g') as description,
        status_id, status_name, status_category_key, priority, resolution, resolved_at,
        created_at, updated_at, parent_id, story_points, labels, is_flagged
    from raw_jira.issues where not _is_deleted order by all
"""
_SAME_CHANGES = """
    select issue_id, history_id, item_index, field_id, from_label, to_label, changed_at
    from raw_jira.issue_changes where field_id in ('status', 'customfield_10020', 'customfield_10016')
    order by all
"""
_SAME_SPRINTS = "select issue_id, sprint_id from raw_jira.issue_sprints order by all"


def test_both_kinds_of_site_give_the_same_rows(account: Callable[..., Any], tmp_path: Any) -> None:
    cloud = account("jira")
    now = cloud.world.meta.as_of
    cloud.load(now)
    server = account("jira", folder=tmp_path / "server")
    connection: dict[str, Any] = {
        "deployment": "data_center",
        "base_url": f"{server.server.base_url}/jira_data_center",
        "access_token": credentials.JIRA_PERSONAL_ACCESS_TOKEN,
    }
    server.server.requests(reset=True)
    assert server.load(now, **connection).rows_rejected == {}
    for query in (_SAME, _SAME_CHANGES, _SAME_SPRINTS):
        assert server.query(query) == cloud.query(query)
    for resource in ("projects", "statuses", "sprints", "boards", "versions"):
        assert server.alive(resource) == cloud.alive(resource), resource

    assert server.load(now, **connection).rows_loaded == {}
    later = now + timedelta(days=7)
    cloud.load(later)
    server.load(later, **connection)
    assert server.alive("issues") == cloud.alive("issues")
    answered = server.server.requests()["vendors"]["jira_data_center"]["statuses"]
    assert "429" not in answered
