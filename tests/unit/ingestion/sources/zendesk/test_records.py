"""Zendesk's objects become records."""

from __future__ import annotations

from typing import Any

from ingestion.source import Malformed
from ingestion.sources.zendesk import records


def an_event(*children: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 77,
        "ticket_id": 5,
        "timestamp": 1790812800,
        "created_at": "2026-10-01T00:00:00Z",
        "updater_id": 800000001,
        "via": "Web form",
        "event_type": "Audit",
        "child_events": list(children),
    }


def test_a_ticket_is_told_in_text_ids_and_joined_tags() -> None:
    record = records.ticket(
        {
            "id": 5,
            "type": "problem",
            "status": "open",
            "via": {"channel": "email", "source": {}},
            "tags": ["a", "b"],
            "requester_id": 700000001,
            "organization_id": None,
            "satisfaction_rating": {"score": "good"},
            "generated_timestamp": 1790812800,
            "metric_set": {"ticket_id": 5},
            "custom_fields": [{"id": 1, "value": "x"}],
            "fields": [{"id": 1, "value": "x"}],
        }
    )
    values = record.values
    assert (values["ticket_id"], values["ticket_type"], values["channel"]) == ("5", "problem", "email")
    assert (values["tags"], values["requester_id"], values["organization_id"]) == ("a;b", "700000001", None)
    assert values["satisfaction_score"] == "good"
    assert values["generated_at"] == "2026-10-01T00:00:00Z"
    assert not record.is_deleted
    assert {"metric_set", "fields"}.isdisjoint(record.payload)


def test_a_deleted_ticket_is_a_tombstone() -> None:
    assert records.ticket({"id": 5, "status": "deleted"}).is_deleted


def test_metrics_are_calendar_minutes_and_null_until_measured() -> None:
    record = records.ticket_metrics(
        {
            "ticket_id": 5,
            "reopens": 1,
            "reply_time_in_minutes": {"calendar": 12, "business": 3},
            "full_resolution_time_in_minutes": {"calendar": None, "business": None},
            "updated_at": "2026-10-01T00:00:00Z",
        }
    )
    assert record.values["reply_time_minutes"] == 12
    assert record.values["full_resolution_minutes"] is None
    assert record.values["on_hold_minutes"] is None
    assert record.updated_at == "2026-10-01T00:00:00Z"


def test_a_deleted_user_stays_and_an_erased_one_is_gone() -> None:
    assert not records.user({"id": 1, "active": False}).is_deleted
    assert records.user({"id": 1, "active": False, "permanently_deleted": True}).is_deleted


def test_signing_in_makes_no_version_of_a_user() -> None:
    assert records.user({"id": 1, "last_login_at": "2026-10-01T00:00:00Z"}) == records.user({"id": 1})


def test_comments_come_from_child_events_with_author_and_time() -> None:
    event = an_event(
        {
            "id": 100,
            "event_type": "Comment",
            "author_id": 700000001,
            "public": True,
            "body": "hi",
            "via": {"channel": "email"},
        },
        {"id": 101, "event_type": "Comment", "public": False, "body": "note"},
        {"id": 102, "event_type": "Change", "status": "open", "previous_value": "new"},
    )
    first, second = [record.values for record in records.comments(event)]
    assert (first["comment_id"], first["author_id"], first["via_channel"]) == ("100", "700000001", "email")
    assert (second["author_id"], second["is_public"], second["via_channel"]) == (
        "800000001",
        False,
        "Web form",
    )
    assert second["created_at"] == "2026-10-01T00:00:00Z"


def test_changes_name_their_field_by_a_key_of_the_child_event() -> None:
    event = an_event(
        {"id": 1, "event_type": "Create", "status": "new"},
        {"id": 2, "event_type": "Change", "status": "open", "previous_value": "new"},
        {"id": 3, "event_type": "Change", "tags": ["a", "b"], "previous_value": []},
        {"id": 4, "event_type": "Change", "assignee_id": None, "previous_value": "800000002"},
        {"id": 5, "event_type": "Change", "subject": "secret", "previous_value": "old"},
        {"id": 6, "event_type": "Create", "priority": "high", "group_id": 9},
    )
    rows = [
        (row.values["change_id"], row.values["field"], row.values["from_value"], row.values["to_value"])
        for row in records.changes(event)
    ]
    assert rows == [
        ("1", "status", None, "new"),
        ("2", "status", "new", "open"),
        ("3", "tags", None, "a;b"),
        ("4", "assignee_id", "800000002", None),
        ("6-priority", "priority", None, "high"),
        ("6-group_id", "group_id", None, "9"),
    ]


def test_a_survey_response_tells_rating_comment_and_ticket() -> None:
    values = records.survey_response(
        {
            "id": "R1",
            "responder_id": 700000001,
            "subjects": [{"id": "99", "type": "ticket"}],
            "answers": [
                {
                    "type": "rating_scale",
                    "rating": 1,
                    "rating_category": "bad",
                    "created_at": "2026-10-01T00:00:00Z",
                },
                {"type": "open_ended", "value": "slow"},
            ],
            "survey": {"id": "S1"},
        }
    ).values
    assert (values["ticket_id"], values["rating"], values["rating_category"], values["comment"]) == (
        "99",
        1,
        "bad",
        "slow",
    )
    assert (values["answered_at"], values["survey_id"]) == ("2026-10-01T00:00:00Z", "S1")


def test_a_survey_without_answer_has_no_rating() -> None:
    values = records.survey_response({"id": "R1", "answers": [{"type": "skipped"}]}).values
    assert (values["rating"], values["comment"], values["answered_at"]) == (None, None, None)


def test_an_older_rating_is_good_or_bad_or_only_offered() -> None:
    good = records.satisfaction_rating(
        {"id": 1, "ticket_id": 5, "score": "good_with_comment", "comment": "ok"}
    )
    offered = records.satisfaction_rating({"id": 2, "ticket_id": 5, "score": "offered"})
    assert (good.values["rating_category"], good.values["comment"]) == ("good", "ok")
    assert offered.values["rating_category"] is None


def test_a_ticket_event_without_ticket_is_malformed() -> None:
    assert isinstance(records.not_an_event({"id": 1}), Malformed)
    assert records.not_an_event(an_event()) is None
