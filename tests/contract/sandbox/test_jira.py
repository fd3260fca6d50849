"""Jira Cloud's wire, fact by fact."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.sandbox import credentials
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire, basic

API = "/rest/api/3"
AGILE = "/rest/agile/1.0"
ALL = "created >= 0000000000000"


@pytest.fixture
def jira(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("jira")


def search(wire: Wire, jql: str, **query: Any) -> Answer:
    return wire.get(f"{API}/search/jql", jql=jql, **query)


def found(wire: Wire, jql: str) -> list[str]:
    answer = search(wire, jql, fields="id", maxResults=5000)
    assert answer.status == 200, answer.text
    return [issue["id"] for issue in answer.json["issues"]]


def messages(answer: Answer) -> str:
    return " ".join(answer.json["errorMessages"])


# --- who may ask


def test_a_bad_token_is_told_by_myself_and_hides_everything_else(jira: Wire) -> None:
    wire = jira.at("/jira", authorization=basic(credentials.JIRA_EMAIL, "wrong"))

    assert wire.get(f"{API}/myself").status == 401
    assert wire.get(f"{API}/issue/10001").status == 404
    hidden = search(wire, ALL)
    assert (hidden.status, hidden.json["issues"]) == (200, [])
    assert wire.get(f"{API}/project/search").json["values"] == []


def test_myself_tells_the_zone_and_the_header_who_it_is(jira: Wire) -> None:
    answer = jira.get(f"{API}/myself")

    assert answer.json["timeZone"] == "America/Sao_Paulo"
    assert answer.headers["x-aaccountid"] == answer.json["accountId"]


@pytest.mark.parametrize("version", ["2", "3", "latest"])
def test_all_versions_answer_and_say_that_this_is_the_cloud(jira: Wire, version: str) -> None:
    assert jira.get(f"/rest/api/{version}/serverInfo").json["deploymentType"] == "Cloud"


def test_the_gateway_takes_a_bearer_token_and_keeps_its_prefix_in_links(jira: Wire) -> None:
    prefix = f"/ex/jira/{credentials.JIRA_CLOUD_ID}"
    wire = jira.at("/jira", authorization=f"Bearer {credentials.JIRA_OAUTH_TOKEN}")

    page = wire.get(f"{prefix}{API}/project/search", maxResults=1).json

    assert prefix in page["nextPage"]
    assert wire.follow(page["nextPage"]).json["values"][0]["key"] == "OPS"
    assert wire.get(f"/ex/jira/unknown{API}/myself").status == 404


# --- search


def test_the_old_search_is_gone_unless_the_site_is_older(sandboxes: Sandboxes, jira: Wire) -> None:
    gone = jira.get(f"{API}/search", jql=ALL)
    older = sandboxes.at("jira", old_search=True).get(f"{API}/search", jql=ALL)

    assert gone.status == 410
    assert "/rest/api/3/search/jql" in messages(gone)
    assert older.json["total"] == 11


def test_without_fields_an_issue_is_only_its_id(jira: Wire) -> None:
    assert search(jira, "key = PRD-1").json["issues"] == [{"id": "10001"}]


def test_unknown_fields_are_ignored(jira: Wire) -> None:
    issue = search(jira, "key = PRD-1", fields="summary,nonsense").json["issues"][0]

    assert issue["key"] == "PRD-1"
    assert issue["fields"] == {"summary": "Work 1"}


def test_pages_follow_a_token_to_the_last_one_which_has_none(jira: Wire) -> None:
    first = search(jira, ALL, maxResults=6).json
    last = search(jira, ALL, maxResults=6, nextPageToken=first["nextPageToken"]).json

    assert (first["isLast"], last["isLast"]) == (False, True)
    assert "nextPageToken" not in last
    assert "total" not in first
    assert "startAt" not in first
    assert len({issue["id"] for issue in first["issues"] + last["issues"]}) == 11


def test_a_made_up_token_is_invalid(jira: Wire) -> None:
    assert "nextPageToken is invalid" in messages(search(jira, ALL, nextPageToken="abc"))


@pytest.mark.parametrize("jql", ["", "ORDER BY created"])
def test_queries_must_be_bounded(jira: Wire, jql: str) -> None:
    answer = search(jira, jql)

    assert answer.status == 400
    assert messages(answer).startswith("Unbounded JQL queries are not allowed here.")


@pytest.mark.parametrize("size", [0, 5001])
def test_a_page_is_of_one_to_five_thousand(jira: Wire, size: int) -> None:
    assert "between 1 and 5,000" in messages(search(jira, ALL, maxResults=size))


def test_post_reads_the_body_only_and_refuses_what_it_does_not_know(jira: Wire) -> None:
    path = f"{API}/search/jql"

    assert len(jira.post(path, {"jql": ALL, "fields": ["summary"]}).json["issues"]) == 11
    assert jira.post(f"{path}?jql=project=PRD", {}).status == 400
    assert jira.post(path, {"jql": ALL, "startAt": 0}).status == 400


def test_issues_are_counted_approximately(jira: Wire) -> None:
    assert jira.post(f"{API}/search/approximate-count", {"jql": ALL}).json == {"count": 11}


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = OPS", ["10002"]),
        ("project in (PRD, OPS) AND key in (PRD-1, PRD-6)", ["10006", "10001"]),
        ("id = 10007", ["10007"]),
        ('status = "Em andamento" OR status = 5', ["10001"]),
        ("statusCategory = Done", ["10001"]),
        ("issuetype = Story AND id in (10001, 10005)", ["10005", "10001"]),
        ("assignee is not EMPTY", ["10001"]),
        ("sprint = 51", ["10005"]),
        ("fixVersion = 1.1", ["10005"]),
        ("resolution = Done", ["10001"]),
        ("NOT project = PRD", ["10002"]),
        ("labels = b AND summary ~ 'work 9'", ["10009"]),
        ("key = PRD-2", ["10002"]),
        ("created >= 0 AND id in (10001, 10006) ORDER BY created ASC", ["10001", "10006"]),
        ("id in (10006, 10001, 10003) ORDER BY updated DESC, id", ["10003", "10006", "10001"]),
    ],
)
def test_jql_finds(jira: Wire, jql: str, expected: list[str]) -> None:
    if ">= 0 " in jql:
        jql = jql.replace(">= 0 ", ">= 0000000000000 ")
    assert found(jira, jql) == expected


@pytest.mark.parametrize(
    "jql", ["nonsense = 1", "project =", "project PRD", "updated >= 'soon'", "project = PRD project = OPS"]
)
def test_bad_jql_is_told(jira: Wire, jql: str) -> None:
    answer = search(jira, jql)

    assert answer.status == 400
    assert messages(answer)


def test_times_of_jql_are_minutes_in_the_users_zone(sandboxes: Sandboxes, jira: Wire) -> None:
    # PRD-6 was linked, its last update, on 2026-02-01 at 12:00 UTC: 09:00 in São Paulo.
    assert "10006" in found(jira, 'updated >= "2026-02-01 09:00" AND id = 10006')
    assert "10006" not in found(jira, 'updated >= "2026-02-01 09:01" AND id = 10006')
    assert "10006" in found(jira, "updated >= '2026/02/01' AND id = 10006")
    in_utc = sandboxes.at("jira", user_time_zone="UTC")
    assert "10006" in found(in_utc, 'updated >= "2026-02-01 12:00" AND id = 10006')
    assert "10006" not in found(in_utc, 'updated >= "2026-02-01 12:01" AND id = 10006')


def test_seconds_are_no_time_of_jql(jira: Wire) -> None:
    assert "is invalid. Valid formats include" in messages(search(jira, 'updated >= "2026-02-01 09:00:30"'))


def test_milliseconds_and_relative_times_have_no_zone(jira: Wire) -> None:
    assert found(jira, "updated >= 1769947200000 AND id = 10006") == ["10006"]
    assert found(jira, "updated >= 1769947200001 AND id = 10006") == []
    assert found(jira, "updated >= -246d AND id = 10006") == ["10006"]
    assert found(jira, "updated >= -245d AND id = 10006") == []


def test_the_index_may_lag_and_fresh_reads_can_be_asked_for(sandboxes: Sandboxes) -> None:
    app = sandboxes.app({"plan": {"jira": {"search_lag_seconds": 3600}}}, now=sandboxes.day(21.01))
    wire = sandboxes.at("jira", app)
    jql = 'status = "Em andamento"'

    assert found(wire, jql) == []
    assert [one["id"] for one in search(wire, jql, reconcileIssues="10001").json["issues"]] == ["10001"]
    assert wire.get(f"{API}/issue/PRD-1").json["fields"]["status"]["id"] == "3"


# --- issues


def test_times_carry_the_users_offset(jira: Wire) -> None:
    fields = jira.get(f"{API}/issue/PRD-6").json["fields"]

    assert fields["updated"] == "2026-02-01T09:00:00.000-0300"


def test_texts_are_documents_in_v3_and_wiki_in_v2(jira: Wire) -> None:
    document = jira.get(f"{API}/issue/PRD-6").json["fields"]
    wiki = jira.get("/rest/api/2/issue/PRD-6").json["fields"]

    assert document["description"]["type"] == "doc"
    assert [part["type"] for part in document["description"]["content"]] == ["paragraph", "bulletList"]
    assert wiki["description"] == "First line\n\n* one\n* two"
    assert document["comment"]["comments"][0]["body"]["type"] == "doc"
    assert wiki["comment"]["comments"][0]["body"] == "Looks good"


def test_an_issue_tells_status_sprints_points_and_flag(jira: Wire) -> None:
    fields = jira.get(f"{API}/issue/PRD-5").json["fields"]

    assert fields["status"]["name"] == "A fazer"
    assert fields["status"]["statusCategory"] == {
        "self": fields["status"]["statusCategory"]["self"],
        "id": 2,
        "key": "new",
        "colorName": "blue-gray",
        "name": "To Do",
    }
    assert fields["customfield_10016"] == 5.0
    assert [(sprint["id"], sprint["state"]) for sprint in fields["customfield_10020"]] == [
        (50, "closed"),
        (51, "active"),
    ]
    assert fields["customfield_10021"][0]["value"] == "Impediment"
    assert [version["name"] for version in fields["fixVersions"]] == ["1.0", "1.1"]


def test_custom_fields_are_found_by_their_schema(jira: Wire) -> None:
    fields = {field["schema"].get("custom"): field["id"] for field in jira.get(f"{API}/field").json}

    assert fields["com.pyxis.greenhopper.jira:gh-sprint"] == "customfield_10020"
    assert fields["com.pyxis.greenhopper.jira:jsw-story-points"] == "customfield_10016"


def test_links_are_seen_from_both_sides(jira: Wire) -> None:
    one = jira.get(f"{API}/issue/PRD-6").json["fields"]["issuelinks"][0]
    other = jira.get(f"{API}/issue/PRD-7").json["fields"]["issuelinks"][0]

    assert (one["type"]["outward"], one["outwardIssue"]["key"]) == ("blocks", "PRD-7")
    assert (other["id"], other["inwardIssue"]["key"]) == (one["id"], "PRD-6")


def test_a_deleted_issue_is_gone_everywhere(jira: Wire) -> None:
    assert jira.get(f"{API}/issue/10004").status == 404
    assert "10004" not in found(jira, ALL)


def test_a_moved_issue_keeps_its_id_and_its_old_key_leads_to_it(jira: Wire) -> None:
    by_new, by_old = jira.get(f"{API}/issue/OPS-1").json, jira.get(f"{API}/issue/PRD-2").json

    assert by_new["id"] == by_old["id"] == "10002"
    assert by_old["key"] == "OPS-1"
    assert by_old["fields"]["project"]["key"] == "OPS"


def test_issues_are_fetched_in_bulk_with_the_lost_ones_named(jira: Wire) -> None:
    answer = jira.post(
        f"{API}/issue/bulkfetch", {"issueIdsOrKeys": ["PRD-1", "10004"], "fields": ["summary"]}
    ).json

    assert [issue["id"] for issue in answer["issues"]] == ["10001"]
    assert answer["issueErrors"][0]["issueIdsOrKeys"] == ["10004"]
    assert jira.post(f"{API}/issue/bulkfetch", {"issueIdsOrKeys": [str(n) for n in range(101)]}).status == 400


# --- changelogs


def test_a_search_embeds_forty_histories_and_an_issue_hundred(jira: Wire) -> None:
    searched = search(jira, "key = PRD-3", fields="summary", expand="changelog").json["issues"][0][
        "changelog"
    ]
    read = jira.get(f"{API}/issue/PRD-3", expand="changelog").json["changelog"]

    assert (searched["total"], len(searched["histories"])) == (60, 40)
    assert len(read["histories"]) == 60
    assert searched["histories"][0]["id"] == "9060"  # the newest first


def test_the_changelog_of_an_issue_pages_from_the_oldest(jira: Wire) -> None:
    first = jira.get(f"{API}/issue/PRD-3/changelog", maxResults=50).json
    last = jira.get(f"{API}/issue/PRD-3/changelog", startAt=50, maxResults=50).json

    assert (first["total"], first["isLast"], last["isLast"]) == (60, False, True)
    assert first["values"][0]["id"] == "9001"
    assert first["values"][0]["created"] == "2026-02-04T09:01:00.000-0300"


def test_bulk_changelogs_tell_times_in_milliseconds_and_span_pages(jira: Wire) -> None:
    path = f"{API}/changelog/bulkfetch"
    asked = {"issueIdsOrKeys": ["10001", "PRD-3", "10006"], "maxResults": 30}

    first = jira.post(path, asked).json
    second = jira.post(path, {**asked, "nextPageToken": first["nextPageToken"]}).json
    third = jira.post(path, {**asked, "nextPageToken": second["nextPageToken"]}).json

    assert [log["issueId"] for log in first["issueChangeLogs"]] == ["10001", "10003"]
    assert first["issueChangeLogs"][0]["changeHistories"][0]["created"] == 1769428800000
    assert "nextPageToken" not in third
    histories = [
        history["id"]
        for page in (first, second, third)
        for log in page["issueChangeLogs"]
        for history in log["changeHistories"]
    ]
    assert len(histories) == len(set(histories)) == 62


def test_bulk_changelogs_can_be_narrowed_to_fields(jira: Wire) -> None:
    asked = {"issueIdsOrKeys": ["10001"], "fieldIds": ["status"]}

    log = jira.post(f"{API}/changelog/bulkfetch", asked).json["issueChangeLogs"][0]

    items = [item for history in log["changeHistories"] for item in history["items"]]
    assert [(item["from"], item["fromString"], item["to"], item["toString"]) for item in items] == [
        ("1", "To do", "3", "Doing"),
        ("3", "Em andamento", "5", "Feito"),
    ]
    assert jira.post(f"{API}/changelog/bulkfetch", {**asked, "fieldIds": ["x"] * 11}).status == 400


def items_of(wire: Wire, key: str) -> dict[str, dict[str, Any]]:
    histories = wire.get(f"{API}/issue/{key}/changelog").json["values"]
    return {item["field"]: item for history in histories for item in history["items"]}


def test_edits_of_one_moment_are_one_history(jira: Wire) -> None:
    history = jira.get(f"{API}/issue/PRD-1/changelog").json["values"][0]

    assert [item["field"] for item in history["items"]] == ["status", "assignee"]
    assert history["author"]["accountId"] == "5b-1"


def test_a_move_changes_project_and_key(jira: Wire) -> None:
    items = items_of(jira, "OPS-1")

    assert (items["Key"]["fromString"], items["Key"]["toString"]) == ("PRD-2", "OPS-1")
    assert items["project"]["to"] == "10002"


def test_each_field_tells_its_change_in_its_own_way(jira: Wire) -> None:
    items = items_of(jira, "PRD-5")

    assert (items["Sprint"]["from"], items["Sprint"]["to"]) == ("50", "50, 51")
    assert items["Sprint"]["toString"] == "Sprint 1, Sprint 2"
    assert (items["Fix Version"]["from"], items["Fix Version"]["to"]) == (None, "71")
    assert (items["Flagged"]["fromString"], items["Flagged"]["toString"]) == ("", "Impediment")
    assert (items["Story Points"]["from"], items["Story Points"]["toString"]) == (None, "5")


# --- the site


def test_what_public_clients_ask_beside_issues_is_answered(jira: Wire) -> None:
    assert all("icon" in kind for kind in jira.get(f"{API}/project/type").json)
    assert jira.get(f"{API}/projectCategory").json == []
    members = jira.get(f"{API}/group/member", groupname="jira-users").json
    assert members["values"] and members["isLast"]
    assert jira.get(f"{API}/group/member", groupname="none").status == 404
    issues = search(jira, ALL, fields="*all", expand="transitions").json["issues"]
    assert all(issue["transitions"] == [] for issue in issues)


def test_projects_come_in_pages_and_as_a_plain_list(jira: Wire) -> None:
    paged = jira.get(f"{API}/project/search", status="live").json
    plain = jira.get(f"{API}/project").json

    assert (paged["total"], paged["isLast"]) == (2, True)
    assert [(one["key"], one["style"]) for one in plain] == [("PRD", "classic"), ("OPS", "next-gen")]


def test_statuses_keep_their_category_whatever_their_name(jira: Wire) -> None:
    statuses = {status["id"]: status for status in jira.get(f"{API}/status").json}

    assert statuses["3"]["statusCategory"]["key"] == "indeterminate"
    assert statuses["5"]["name"] == "Entregue"  # renamed
    assert statuses["5"]["scope"]["project"]["id"] == "10002"


def test_users_are_a_bare_list_with_apps_and_inactive_ones(sandboxes: Sandboxes, jira: Wire) -> None:
    users = jira.get(f"{API}/users/search", maxResults=1000).json
    hiding = sandboxes.at("jira", hide_emails_every=3).get(f"{API}/users/search", maxResults=1000).json

    assert {user["accountType"] for user in users} == {"atlassian", "app"}
    assert [user["accountId"] for user in users if not user["active"]] == ["5b-2"]
    assert jira.get(f"{API}/users/search", startAt=len(users)).json == []
    assert [user["accountId"] for user in hiding if "emailAddress" not in user][1:] == ["5b-3"]


def test_a_release_dates_its_version_in_the_users_zone(jira: Wire) -> None:
    versions = {version["name"]: version for version in jira.get(f"{API}/project/PRD/version").json["values"]}

    assert (versions["1.0"]["released"], versions["1.0"]["releaseDate"]) == (True, "2026-02-19")
    assert (versions["1.1"]["released"], versions["1.1"]["releaseDate"]) == (False, "2026-10-14")
    assert len(jira.get(f"{API}/project/PRD/versions").json) == 2


def test_boards_of_kanban_have_no_sprints(jira: Wire) -> None:
    boards = jira.get(f"{AGILE}/board").json["values"]
    refused = jira.get(f"{AGILE}/board/2/sprint")

    assert [(board["type"], board["location"]["projectKey"]) for board in boards] == [
        ("scrum", "PRD"),
        ("kanban", "OPS"),
    ]
    assert refused.status == 400
    assert "does not support sprints" in messages(refused)


def test_the_state_of_a_sprint_follows_the_time(jira: Wire) -> None:
    sprints = jira.get(f"{AGILE}/board/1/sprint").json["values"]

    assert [sprint["state"] for sprint in sprints] == ["closed", "active", "future"]
    assert ["completeDate" in sprint for sprint in sprints] == [True, False, False]
    assert [
        sprint["id"] for sprint in jira.get(f"{AGILE}/board/1/sprint", state="active").json["values"]
    ] == [51]


def test_the_agile_api_pages_issues_with_a_total(jira: Wire) -> None:
    page = jira.get(f"{AGILE}/sprint/51/issue", fields="summary").json

    assert (page["total"], page["issues"][0]["id"]) == (1, "10005")


def test_comments_are_listed_and_read_by_id(jira: Wire) -> None:
    assert jira.get(f"{API}/issue/PRD-6/comment").json["total"] == 1
    assert jira.post(f"{API}/comment/list", {"ids": [3001, 1]}).json["values"][0]["id"] == "3001"


def test_worklog_feeds_withhold_the_last_minute(jira: Wire) -> None:
    updated = jira.get(f"{API}/worklog/updated", since=0).json
    deleted = jira.get(f"{API}/worklog/deleted", since=0).json

    assert [entry["worklogId"] for entry in updated["values"]] == [1]
    assert updated["lastPage"] is True
    assert [entry["worklogId"] for entry in deleted["values"]] == [3]
    assert jira.post(f"{API}/worklog/list", {"ids": [1]}).json[0]["timeSpentSeconds"] == 3600


# --- limits


@pytest.mark.parametrize("has_header", [True, False])
def test_bursts_are_counted_per_endpoint(sandboxes: Sandboxes, has_header: bool) -> None:
    wire = sandboxes.at("jira", get_per_second=2, retry_after=has_header)

    statuses = [wire.get(f"{API}/field").status for _ in range(3)]
    refused = wire.get(f"{API}/field")

    assert statuses == [200, 200, 429]
    assert refused.headers["ratelimit-reason"] == "jira-burst-based"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert ("retry-after" in refused.headers) == has_header
    assert wire.get(f"{API}/status").status == 200
    sandboxes.clock.seconds += 1.1
    assert wire.get(f"{API}/field").status == 200
