"""Dispatch, control and faults of the sandbox."""

from __future__ import annotations

import json

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.scenario import Scenario
from tests.contract.sandbox.wiring import Sandboxes, Wire

DEALS = "/crm/objects/2026-09/deals"
EXPORT = "/api/2.0/export"
MARCH = {"from_date": "2026-03-01", "to_date": "2026-03-31", "project_id": credentials.MIXPANEL_PROJECT_ID}


@pytest.fixture
def app(sandboxes: Sandboxes) -> Wire:
    return sandboxes.app()


def set_scenario(app: Wire, content: object) -> None:
    answer = app.post("/_sandbox/scenario", content)
    assert answer.status == 200, answer.text


# --- where a request goes


@pytest.mark.parametrize(
    ("host", "path", "key"),
    [
        ("api.hubapi.com", "/crm/v3/owners", "results"),
        ("norte-sandbox.zendesk.com", "/api/v2/groups.json", "groups"),
        ("norte-sandbox.atlassian.net:8443", "/rest/api/3/project/search", "values"),
        ("api.atlassian.com", f"/ex/jira/{credentials.JIRA_CLOUD_ID}/rest/api/3/project/search", "values"),
        ("mixpanel.com", f"/api/app/projects/{credentials.MIXPANEL_PROJECT_ID}/annotations", "results"),
    ],
)
def test_a_vendors_host_leads_to_it(sandboxes: Sandboxes, app: Wire, host: str, path: str, key: str) -> None:
    vendor = next(name for name, part in HOSTS.items() if part in host)
    wire = sandboxes.at(vendor, app)
    wire.prefix = ""

    assert key in wire.get(path, {"host": host}).json


HOSTS = {"hubspot": "hubapi", "zendesk": "zendesk", "jira": "atlassian", "mixpanel": "mixpanel"}


def test_links_keep_the_vendors_host_and_scheme(sandboxes: Sandboxes, app: Wire) -> None:
    wire = sandboxes.at("zendesk", app)
    wire.prefix = ""
    host = {"host": "norte-sandbox.zendesk.com", "x-scheme": "https"}

    page = wire.get("/api/v2/users.json", host, per_page=2).json

    assert page["next_page"].startswith("https://norte-sandbox.zendesk.com/api/v2/users.json?")


def test_a_path_of_no_vendor_is_told(app: Wire) -> None:
    answer = app.get("/nowhere/at/all")

    assert answer.status == 404
    assert "/hubspot/" in answer.json["error"]


# --- control


def test_time_moves_when_told_and_only_with_a_time(app: Wire) -> None:
    assert app.post("/_sandbox/now", {"now": "2026-10-06T06:00:00Z"}).json == {"now": "2026-10-06T06:00:00Z"}
    assert app.get("/_sandbox/health").json["now"] == "2026-10-06T06:00:00Z"
    assert app.post("/_sandbox/now", {"when": "soon"}).status == 400


def test_requests_are_counted_by_vendor_status_and_route(sandboxes: Sandboxes, app: Wire) -> None:
    wire = sandboxes.at("hubspot", app)
    wire.get(DEALS)
    wire.get(f"{DEALS}/1")

    counts = app.get("/_sandbox/requests").json["vendors"]["hubspot"]

    assert counts["statuses"] == {"200": 1, "404": 1}
    assert counts["routes"]["200 GET /crm/objects/{version}/{type}"] == 1
    app.send("DELETE", "/_sandbox/requests", {}, b"", None)
    assert app.get("/_sandbox/requests").json["vendors"] == {}


def test_every_scenario_of_the_folder_can_be_set_everywhere(app: Wire) -> None:
    for name in Scenario.names():
        set_scenario(app, {"scenario": name})
        assert app.get("/_sandbox/scenario").json["name"].endswith(name)


@pytest.mark.parametrize(
    "content",
    [
        {"scenario": "no_such"},
        {"faults": {"hubspot": [{"kind": "no_such"}]}},
        {"faults": {"hubspot": [{"kind": "outage", "colour": "red"}]}},
        {"faults": {"no_vendor": []}},
        {"plan": {"hubspot": {"no_setting": 1}}},
        "outage",
    ],
)
def test_a_scenario_with_errors_is_refused_and_changes_nothing(app: Wire, content: object) -> None:
    answer = app.post("/_sandbox/scenario", content)

    assert answer.status == 400
    assert answer.json["error"]
    assert app.get("/_sandbox/scenario").json["faults"] == {}


def test_a_scenario_at_one_vendor_leaves_the_others_alone(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "outage", "vendor": "hubspot"})
    set_scenario(app, {"scenario": "rate_limits", "vendor": "jira", "options": {"every": 1}})

    assert sandboxes.at("hubspot", app).get(DEALS).status == 503
    assert sandboxes.at("jira", app).get("/rest/api/3/field").status == 429
    assert sandboxes.at("zendesk", app).get("/api/v2/groups").status == 200
    set_scenario(app, {"scenario": "healthy"})
    assert sandboxes.at("hubspot", app).get(DEALS).status == 200


def test_a_plan_outlives_the_end_of_a_fault(sandboxes: Sandboxes) -> None:
    app = sandboxes.app("generous")
    set_scenario(app, {"scenario": "outage"})
    set_scenario(app, {"scenario": "healthy"})

    assert app.get("/_sandbox/scenario").json["plan"]["hubspot"]["burst"] == 0


# --- faults


def test_a_storm_refuses_with_the_vendors_own_words(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "rate_limits"})

    hubspot = [sandboxes.at("hubspot", app).get(DEALS) for _ in range(4)]
    zendesk = [sandboxes.at("zendesk", app).get("/api/v2/groups") for _ in range(2)]

    assert [answer.status for answer in hubspot] == [200, 429, 200, 429]
    assert hubspot[1].json["policyName"] == "TEN_SECONDLY_ROLLING"
    assert zendesk[1].json["error"] == "APIRateLimitExceeded"


def test_an_outage_may_break_the_connection(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "outage", "vendor": "hubspot", "options": {"refused": True}})

    answer = sandboxes.at("hubspot", app).get(DEALS)

    assert answer.error


def test_the_second_page_fails_once_and_then_comes(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "errors_mid_pagination", "vendor": "hubspot"})
    wire = sandboxes.at("hubspot", app)

    assert [wire.get(DEALS, limit=5, after=after).status for after in ("", "307", "307")] == [200, 500, 200]


@pytest.mark.parametrize(
    ("how", "kind"), [("cut", "application/json"), ("html", "text/html"), ("empty", "application/json")]
)
def test_a_malformed_page_has_status_200(sandboxes: Sandboxes, app: Wire, how: str, kind: str) -> None:
    set_scenario(app, {"scenario": "malformed_pages", "options": {"page": 1, "how": how}})

    answer = sandboxes.at("zendesk", app).get("/api/v2/groups")

    assert answer.status == 200
    assert answer.headers["content-type"] == kind
    with pytest.raises(ValueError):
        json.loads(answer.body)


@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "gzip"}])
def test_a_truncated_stream_ends_in_the_middle_of_a_line_without_an_error(
    sandboxes: Sandboxes, app: Wire, headers: dict[str, str]
) -> None:
    set_scenario(app, {"scenario": "truncated_stream"})
    wire = sandboxes.at("mixpanel", app)

    cut, whole = wire.get(EXPORT, headers, **MARCH), wire.get(EXPORT, headers, **MARCH)

    assert cut.status == 200
    assert not cut.text.endswith("\n")
    assert whole.text.startswith(cut.text)
    assert len(whole.text.splitlines()) == 50


def test_a_truncated_stream_may_break_the_connection(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "truncated_stream", "options": {"abort": True}})

    assert sandboxes.at("mixpanel", app).get(EXPORT, **MARCH).error


def test_late_data_delays_some_events_and_all_of_the_others(sandboxes: Sandboxes) -> None:
    app = sandboxes.app(now=sandboxes.day(60.1))
    set_scenario(app, {"scenario": "late_data"})

    lines = sandboxes.at("mixpanel", app).get(EXPORT, **MARCH).text.splitlines()
    assert len(lines) == 43
    later = sandboxes.app(now=sandboxes.day(61))
    set_scenario(later, {"scenario": "late_data"})
    assert len(sandboxes.at("mixpanel", later).get(EXPORT, **MARCH).text.splitlines()) == 50
    early = sandboxes.app(now=sandboxes.day(2.62))
    assert len(sandboxes.at("hubspot", early).get(DEALS).json["results"]) == 6
    set_scenario(early, {"scenario": "late_data", "vendor": "hubspot", "options": {"seconds": 4 * 3600}})
    assert len(sandboxes.at("hubspot", early).get(DEALS).json["results"]) == 4


def test_duplicates_repeat_objects_and_events(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "duplicates"})
    wire = sandboxes.at("hubspot", app)

    first = [item["id"] for item in wire.get(DEALS, limit=5).json["results"]]
    second = [item["id"] for item in wire.get(DEALS, limit=5, after=308).json["results"]]
    lines = sandboxes.at("mixpanel", app).get(EXPORT, **MARCH).text.splitlines()

    assert second[0] == first[-1]
    assert len(lines) == 53


def test_duplicates_never_mix_two_lists_of_one_path(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "duplicates"})
    wire = sandboxes.at("mixpanel", app)
    project = credentials.MIXPANEL_PROJECT_ID

    wire.post("/api/query/engage", form={}, project_id=project)
    groups = wire.post(
        "/api/query/engage", form={"data_group_id": credentials.MIXPANEL_DATA_GROUP_ID}, project_id=project
    )

    assert [group["$distinct_id"] for group in groups.json["results"]] == ["101", "101", "103"]


def test_schema_drift_adds_a_field_and_changes_a_type(sandboxes: Sandboxes, app: Wire) -> None:
    set_scenario(app, {"scenario": "schema_drift"})

    deal = sandboxes.at("hubspot", app).get(DEALS).json["results"][0]["properties"]
    event = json.loads(sandboxes.at("mixpanel", app).get(EXPORT, **MARCH).text.splitlines()[0])["properties"]
    issue = (
        sandboxes.at("jira", app)
        .get("/rest/api/3/search/jql", jql="key = PRD-1", fields="*all")
        .json["issues"][0]["fields"]
    )

    assert (deal["new_field"], deal["amount"]) == ("surprise", 1500.0)
    assert (event["new_field"], event["company_id"]) == (1, "['103']")
    assert (issue["customfield_19999"], issue["customfield_10016"]) == ("surprise", "3.0")


def test_a_clock_ahead_shows_what_is_not_yet(sandboxes: Sandboxes, app: Wire) -> None:
    wire = sandboxes.at("hubspot", app)
    name = f"{'/crm/objects/2026-09/companies'}/105"

    before = wire.get(name).json["properties"]["name"]
    set_scenario(app, {"scenario": "clock_skew", "options": {"seconds": 7200}})
    after = wire.get(name)

    assert (before, after.json["properties"]["name"]) == ("Account 5", "Account Five")
    assert after.headers["date"] == "Mon, 05 Oct 2026 08:00:00 GMT"


def test_deletions_take_what_was_there(sandboxes: Sandboxes, app: Wire) -> None:
    wire, zendesk = sandboxes.at("hubspot", app), sandboxes.at("zendesk", app)
    set_scenario(app, {"faults": {"any": [{"kind": "deletions", "every": 5}]}})

    archived = {item["id"]: item["archivedAt"] for item in wire.get(DEALS, archived="true").json["results"]}
    export = {"start_time": 1, "support_type_scope": "all"}
    app.post("/_sandbox/now", {"now": "2026-10-05T06:10:00Z"})
    tickets = zendesk.get("/api/v2/incremental/tickets/cursor.json", **export).json["tickets"]

    assert archived["305"] == archived["310"] == "2026-10-05T06:00:00.000Z"
    assert {one["id"] for one in tickets if one["status"] == "deleted"} == {404, 405, 410}
