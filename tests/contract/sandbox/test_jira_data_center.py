"""Jira Data Center's wire, fact by fact: where it differs from Cloud's."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.sandbox import credentials
from tests.contract.sandbox.wiring import Sandboxes, Wire, basic

API = "/rest/api/2"


@pytest.fixture
def jira(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("jira_data_center")


def issue(wire: Wire, key: str, **query: Any) -> dict[str, Any]:
    answer = wire.get(f"{API}/issue/{key}", **query)
    assert answer.status == 200, answer.text
    return dict(answer.json)


def all_issues(wire: Wire, **query: Any) -> list[dict[str, Any]]:
    return list(wire.get(f"{API}/search", jql="", maxResults=1000, **query).json["issues"])


def test_a_wrong_token_is_answered_as_anybody_and_the_header_says_so(jira: Wire) -> None:
    wire = jira.at("/jira_data_center", authorization="Bearer wrong")
    found = wire.get(f"{API}/search", jql="project = PRD")
    assert (found.status, found.json["issues"]) == (200, [])
    assert found.headers["x-ausername"] == "anonymous"
    assert wire.get(f"{API}/project").json == []
    assert wire.get(f"{API}/myself").status == 401


def test_a_token_and_a_password_open_it(jira: Wire) -> None:
    name = jira.get(f"{API}/myself").json["name"]
    assert jira.get(f"{API}/myself").headers["x-ausername"] == name
    password = basic(credentials.JIRA_USERNAME, credentials.JIRA_PASSWORD)
    assert jira.at("/jira_data_center", authorization=password).get(f"{API}/myself").json["name"] == name


def test_it_says_that_it_is_a_server_and_has_neither_version_3_nor_the_new_search(jira: Wire) -> None:
    assert jira.get(f"{API}/serverInfo").json["deploymentType"] == "Server"
    for path in (
        f"{API}/search/jql",
        "/rest/api/3/search",
        f"{API}/changelog/bulkfetch",
        f"{API}/project/search",
        f"{API}/users/search",
    ):
        assert jira.get(path, jql="project = PRD").status == 404, path


def test_search_pages_by_position_with_a_total_and_cuts_large_pages_silently(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("jira_data_center", most_results=2)
    first = wire.get(f"{API}/search", jql="", maxResults=500).json
    assert (first["startAt"], first["maxResults"], len(first["issues"])) == (0, 2, 2)
    second = wire.post(f"{API}/search", {"jql": "", "startAt": 2, "maxResults": 500}).json
    assert {one["id"] for one in first["issues"]}.isdisjoint({one["id"] for one in second["issues"]})
    assert second["total"] == first["total"] > 2


def test_an_issue_carries_its_whole_changelog_on_demand_with_fields_by_name(jira: Wire) -> None:
    shown = all_issues(jira, expand="changelog")
    logs = [one["changelog"] for one in shown]
    assert all(len(log["histories"]) == log["total"] for log in logs)
    items = [item for log in logs for history in log["histories"] for item in history["items"]]
    assert items
    assert all("fieldId" not in item for item in items)
    created = [history["created"] for log in logs for history in log["histories"]]
    assert all(isinstance(moment, str) for moment in created)
    assert all("changelog" not in one for one in all_issues(jira))


def test_users_have_names_and_keys(jira: Wire) -> None:
    users = jira.get(f"{API}/user/search", username=".", includeInactive="true").json
    assert users
    assert all({"name", "key", "emailAddress"} <= user.keys() and "accountId" not in user for user in users)
    active = jira.get(f"{API}/user/search", username=".").json
    assert {one["key"] for one in active} == {one["key"] for one in users if one["active"]}
    assert jira.get(f"{API}/user/search").status == 400


def test_epics_are_linked_by_key_and_only_sub_tasks_have_a_parent(jira: Wire) -> None:
    fields = {one["name"]: one["id"] for one in jira.get(f"{API}/field").json}
    for one in all_issues(jira, fields="*all"):
        is_sub_task = one["fields"]["issuetype"]["subtask"]
        assert ("parent" in one["fields"]) == is_sub_task
        assert "hierarchyLevel" not in one["fields"]["issuetype"]
    assert {"Epic Link", "Parent Link"} <= fields.keys()


def test_sprints_of_an_issue_are_texts_on_older_versions(jira: Wire) -> None:
    sprints = [
        text for one in all_issues(jira, fields="*all") for text in one["fields"]["customfield_10020"] or []
    ]
    assert sprints
    assert all(text.startswith("com.atlassian.greenhopper") and "[id=" in text for text in sprints)


def test_every_answer_tells_the_token_bucket_and_an_empty_one_refuses(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("jira_data_center", requests_per_interval=2, fill_rate=1, interval_seconds=10)
    first = wire.get(f"{API}/myself")
    assert first.headers["x-ratelimit-limit"] == "2"
    assert first.headers["x-ratelimit-remaining"] == "1"
    assert first.headers["retry-after"] == "0"
    wire.get(f"{API}/myself")
    assert wire.get(f"{API}/myself").status == 429
    sandboxes.clock.seconds += 10
    assert wire.get(f"{API}/myself").status == 200
