"""Jira's objects become records."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.mapping import mapped
from ingestion.source import Malformed, Record
from ingestion.sources.jira import records
from ingestion.sources.jira.records import IssueFields

FIELDS = [
    {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string", "system": "summary"}},
    {
        "id": "customfield_10016",
        "name": "Story point estimate",
        "custom": True,
        "schema": {"custom": "com.pyxis.greenhopper.jira:jsw-story-points"},
    },
    {
        "id": "customfield_10030",
        "name": "Story Points",
        "custom": True,
        "schema": {"custom": "com.atlassian.jira.plugin.system.customfieldtypes:float"},
    },
    {
        "id": "customfield_10020",
        "name": "Sprint",
        "custom": True,
        "schema": {"custom": "com.pyxis.greenhopper.jira:gh-sprint"},
    },
    {
        "id": "customfield_10021",
        "name": "Flagged",
        "custom": True,
        "schema": {"custom": "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes"},
    },
]
WHERE = IssueFields.find(FIELDS)


def an_issue(**fields: Any) -> dict[str, Any]:
    return {
        "id": "10001",
        "key": "PRD-1",
        "fields": {
            "summary": "Exports",
            "issuetype": {"id": "10004", "name": "Bug", "hierarchyLevel": 0},
            "project": {"id": "10000", "key": "PRD"},
            "status": {
                "id": "3",
                "name": "Em andamento",
                "statusCategory": {"id": 4, "key": "indeterminate"},
            },
            "created": "2026-10-01T10:00:00.000+0200",
            "updated": "2026-11-01T10:00:00.000+0100",
            "labels": ["a", "b"],
            **fields,
        },
    }


def record_of(found: dict[str, Any]) -> Record:
    record = records.issue(found, WHERE)
    assert isinstance(record, Record)
    return record


def test_custom_fields_are_found_by_type_and_name() -> None:
    assert WHERE.story_points == ("customfield_10030", "customfield_10016")
    assert WHERE.sprint == "customfield_10020"
    assert WHERE.flagged == ("customfield_10021",)


def test_settings_outweigh_the_search_for_fields() -> None:
    chosen = IssueFields.find(FIELDS, story_points=["customfield_1"], sprint="customfield_2", flagged="f")
    assert chosen == IssueFields(("customfield_1",), "customfield_2", ("f",))


def test_story_points_come_from_the_first_field_that_has_them() -> None:
    assert record_of(an_issue(customfield_10016=3.0)).values["story_points"] == 3.0
    assert record_of(an_issue(customfield_10030=0, customfield_10016=3.0)).values["story_points"] == 0
    assert record_of(an_issue()).values["story_points"] is None


def test_the_status_is_kept_with_its_category_and_its_local_name() -> None:
    values = record_of(an_issue()).values
    assert (values["status_id"], values["status_name"], values["status_category_key"]) == (
        "3",
        "Em andamento",
        "indeterminate",
    )
    assert values["labels"] == "a;b"
    assert values["assignee_id"] is None


def test_an_impediment_of_any_language_is_a_flag() -> None:
    assert record_of(an_issue(customfield_10021=[{"value": "Impedimento"}])).values["is_flagged"] is True
    assert record_of(an_issue(customfield_10021=[])).values["is_flagged"] is False
    assert record_of(an_issue()).values["is_flagged"] is False


def test_versions_sprints_and_links_are_children() -> None:
    children = record_of(
        an_issue(
            fixVersions=[{"id": "1", "name": "1.2"}],
            customfield_10020=[{"id": 5, "name": "Sprint 5"}, {"id": 6}],
            issuelinks=[
                {"id": "7", "type": {"name": "Blocks"}, "outwardIssue": {"id": "10002", "key": "PRD-2"}},
                {"id": "8", "type": {"name": "Relates"}, "inwardIssue": {"id": "10003", "key": "PRD-3"}},
            ],
        )
    ).children
    assert children["issue_fix_versions"] == [{"issue_id": "10001", "version_id": "1"}]
    assert [one["sprint_id"] for one in children["issue_sprints"]] == ["5", "6"]
    assert [(one["direction"], one["other_issue_id"]) for one in children["issue_links"]] == [
        ("outward", "10002"),
        ("inward", "10003"),
    ]


def test_sprints_of_older_sites_are_read_from_their_text() -> None:
    text = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=5,rapidViewId=1,state=ACTIVE,name=S 5]"
    children = record_of(an_issue(customfield_10020=[text, text])).children
    assert [one["sprint_id"] for one in children["issue_sprints"]] == ["5"]


def test_an_issue_without_fields_is_malformed_and_does_not_stop_its_page() -> None:
    found = mapped([{"id": "1"}, an_issue(), "nonsense"], lambda one: records.issue(one, WHERE))
    assert [type(one) for one in found] == [Malformed, Record, Malformed]


def test_each_changed_field_is_a_row_with_the_names_of_that_time() -> None:
    log = {
        "issueId": "10001",
        "changeHistories": [
            {
                "id": "123",
                "author": {"accountId": "5b-1"},
                "created": 1762000000000,
                "items": [
                    {
                        "field": "status",
                        "fieldId": "status",
                        "from": "1",
                        "fromString": "Open",
                        "to": "3",
                        "toString": "Done",
                    },
                    {"field": "resolution", "fieldId": "resolution", "from": None, "to": "10000"},
                ],
            }
        ],
    }
    first, second = records.changes(log)
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.values["changed_at"] == "2025-11-01T12:26:40.000+00:00"
    assert (first.values["from_label"], first.values["to_label"]) == ("Open", "Done")
    assert (second.values["item_index"], second.values["from_value"], second.values["to_value"]) == (
        1,
        None,
        "10000",
    )


def test_a_time_in_milliseconds_and_one_with_an_offset_are_the_same_instant() -> None:
    assert records.instant(1790812800000) == "2026-10-01T00:00:00.000+00:00"
    assert records.epoch_ms("2026-10-01T02:00:00.000+0200") == 1790812800000


@pytest.mark.parametrize(("board", "origin", "expected"), [("1", 2, "2"), ("1", None, "1")])
def test_a_sprint_belongs_to_the_board_it_was_made_on(board: str, origin: int | None, expected: str) -> None:
    assert records.sprint({"id": 5, "originBoardId": origin}, board).values["board_id"] == expected


def test_a_version_does_not_change_because_a_day_has_passed() -> None:
    today = records.version({"id": "1", "overdue": False, "name": "1.0"}, "10000")
    tomorrow = records.version({"id": "1", "overdue": True, "name": "1.0"}, "10000")
    assert today == tomorrow
