"""Zendesk's objects to records.

Belongs here: which part of an answer fills which column. Does not belong here: requests, and casting, which
is the pipeline's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.source import Malformed, Record

# The name of the changed field is a key of the child event, beside these of its own.
_CHANGE_FIELDS = ("status", "priority", "assignee_id", "group_id", "tags")
_METRIC_MINUTES = {
    "reply_time_minutes": "reply_time_in_minutes",
    "first_resolution_minutes": "first_resolution_time_in_minutes",
    "full_resolution_minutes": "full_resolution_time_in_minutes",
    "requester_wait_minutes": "requester_wait_time_in_minutes",
    "agent_wait_minutes": "agent_wait_time_in_minutes",
    "on_hold_minutes": "on_hold_time_in_minutes",
}


def ticket(found: Mapping[str, Any]) -> Record:
    """A ticket; `fields` repeats `custom_fields`, and the metric set is a record of its own."""
    rating = found.get("satisfaction_rating")
    return Record(
        values={
            "ticket_id": str(found["id"]),
            "subject": found.get("subject"),
            "description": found.get("description"),
            "status": found.get("status"),
            "priority": found.get("priority"),
            "ticket_type": found.get("type"),
            "channel": _channel(found.get("via")),
            "requester_id": _text(found.get("requester_id")),
            "assignee_id": _text(found.get("assignee_id")),
            "organization_id": _text(found.get("organization_id")),
            "group_id": _text(found.get("group_id")),
            "external_id": _text(found.get("external_id")),
            "tags": _joined(found.get("tags")),
            "satisfaction_score": rating.get("score") if isinstance(rating, Mapping) else None,
            "is_public": found.get("is_public"),
            "created_at": found.get("created_at"),
            "updated_at": found.get("updated_at"),
            "generated_at": _epoch(found.get("generated_timestamp")),
        },
        payload={name: value for name, value in found.items() if name not in ("metric_set", "fields")},
        is_deleted=found.get("status") == "deleted",
    )


def ticket_metrics(found: Mapping[str, Any]) -> Record:
    """A metric set, which is side-loaded with its ticket."""
    return Record(
        values={
            "ticket_id": str(found["ticket_id"]),
            "reopens": found.get("reopens"),
            "replies": found.get("replies"),
            "solved_at": found.get("solved_at"),
            "initially_assigned_at": found.get("initially_assigned_at"),
            **{column: (found.get(name) or {}).get("calendar") for column, name in _METRIC_MINUTES.items()},
        },
        payload=found,
        updated_at=found.get("updated_at"),
    )


def user(found: Mapping[str, Any]) -> Record:
    """A user; only an erased one is gone, a deleted one still stands behind its tickets."""
    return Record(
        values={
            "user_id": str(found["id"]),
            "name": found.get("name"),
            "email": found.get("email") or None,
            "role": found.get("role"),
            "organization_id": _text(found.get("organization_id")),
            "external_id": _text(found.get("external_id")),
            "is_active": found.get("active"),
            "is_suspended": found.get("suspended"),
            "created_at": found.get("created_at"),
            "updated_at": found.get("updated_at"),
            "time_zone": found.get("iana_time_zone") or found.get("time_zone"),
            "locale": found.get("locale"),
        },
        # Signing in is no change of the user.
        payload={name: value for name, value in found.items() if name not in ("last_login_at", "photo")},
        is_deleted=bool(found.get("permanently_deleted")),
    )


def organization(found: Mapping[str, Any], country_field: str = "country") -> Record:
    """An organisation; `country_field` is the key of its own field that holds the country."""
    return Record(
        values={
            "organization_id": str(found["id"]),
            "name": found.get("name"),
            "external_id": _text(found.get("external_id")),
            "domain_names": _joined(found.get("domain_names")),
            "country": _text((found.get("organization_fields") or {}).get(country_field)),
            "created_at": found.get("created_at"),
            "updated_at": found.get("updated_at"),
            "deleted_at": found.get("deleted_at"),
        },
        payload=found,
        is_deleted=bool(found.get("deleted_at")),
    )


def group(found: Mapping[str, Any]) -> Record:
    """A group of agents."""
    is_deleted = bool(found.get("deleted"))
    return Record(
        values={
            "group_id": str(found["id"]),
            "name": found.get("name"),
            "is_deleted": is_deleted,
            "created_at": found.get("created_at"),
            "updated_at": found.get("updated_at"),
        },
        payload=found,
        is_deleted=is_deleted,
    )


def comments(event: Mapping[str, Any]) -> list[Record]:
    """Comments among a ticket event's children."""
    return [
        Record(
            values={
                "comment_id": str(child["id"]),
                "ticket_id": str(event["ticket_id"]),
                "event_id": str(event["id"]),
                "author_id": _text(child.get("author_id") or event.get("updater_id")),
                "is_public": child.get("public"),
                "body": child.get("plain_body") or child.get("body"),
                "via_channel": _channel(child.get("via")) or _channel(event.get("via")),
                "created_at": child.get("created_at") or _happened_at(event),
            },
            payload=child,
        )
        for child in event.get("child_events") or []
        if child.get("event_type") == "Comment"
    ]


def changes(event: Mapping[str, Any]) -> list[Record]:
    """Changes of the tracked fields among a ticket event's children, one record per field.

    A child event that names one tracked field keeps its id; with several, each adds its field's name.
    """
    found: list[Record] = []
    for child in event.get("child_events") or []:
        kind = child.get("event_type")
        if kind not in ("Change", "Create"):
            continue
        fields = [name for name in _CHANGE_FIELDS if name in child]
        for name in fields:
            child_id = str(child["id"])
            values = {
                "change_id": child_id if len(fields) == 1 else f"{child_id}-{name}",
                "ticket_id": str(event["ticket_id"]),
                "event_id": str(event["id"]),
                "field": name,
                "from_value": _value(child.get("previous_value")) if kind == "Change" else None,
                "to_value": _value(child[name]),
                "changed_at": child.get("created_at") or _happened_at(event),
                "updater_id": _text(event.get("updater_id")),
            }
            found.append(Record(values=values, payload=child))
    return found


def survey_response(found: Mapping[str, Any]) -> Record:
    """An answer to a satisfaction survey about a ticket; without a rating while it is open or skipped."""
    answers = found.get("answers") or []
    rating = _first_of("rating_scale", answers)
    comment = _first_of("open_ended", answers)
    subject = _first_of("ticket", found.get("subjects") or [])
    return Record(
        values={
            "response_id": str(found["id"]),
            "ticket_id": _text(subject.get("id")),
            "responder_id": _text(found.get("responder_id")),
            "rating": rating.get("rating"),
            "rating_category": rating.get("rating_category"),
            "comment": comment.get("value") or None,
            "answered_at": rating.get("created_at") or comment.get("created_at"),
            "survey_id": _text((found.get("survey") or {}).get("id")),
        },
        payload=found,
    )


def satisfaction_rating(found: Mapping[str, Any]) -> Record:
    """An older rating: good or bad without a number; only offered, it has no category."""
    score = str(found.get("score") or "")
    category = next((one for one in ("good", "bad") if score.startswith(one)), None)
    return Record(
        values={
            "response_id": str(found["id"]),
            "ticket_id": _text(found.get("ticket_id")),
            "responder_id": _text(found.get("requester_id")),
            "rating": None,
            "rating_category": category,
            "comment": found.get("comment") or None,
            "answered_at": found.get("updated_at") if category else None,
            "survey_id": None,
        },
        payload=found,
        updated_at=found.get("updated_at"),
    )


def jira_link(found: Mapping[str, Any]) -> Record:
    """A link between a ticket and a Jira issue; the ids are numbers or text, by endpoint."""
    return Record(
        values={
            # The newer endpoint lists what is linked, without an id of the link.
            "link_id": str(found["id"]) if "id" in found else f"{found['ticket_id']}:{found['issue_id']}",
            "ticket_id": _text(found.get("ticket_id")),
            "issue_id": _text(found.get("issue_id")),
            "issue_key": found.get("issue_key"),
            "created_at": found.get("created_at"),
            "updated_at": found.get("updated_at"),
        },
        payload=found,
    )


def not_an_event(found: Any) -> Malformed | None:
    """Why a ticket event cannot be read, if so."""
    if not isinstance(found, Mapping) or "id" not in found or "ticket_id" not in found:
        return Malformed("expected a ticket event with id and ticket_id; one of them is missing", found)
    return None


def _first_of(kind: str, parts: list[Any]) -> Mapping[str, Any]:
    return next((one for one in parts if one.get("type") == kind), {})


def _channel(via: Any) -> str | None:
    """The channel of a `via`: an object with `channel`, or, on child events, its name."""
    if isinstance(via, Mapping):
        via = via.get("channel")
    return _text(via)


def _happened_at(event: Mapping[str, Any]) -> str | None:
    return event.get("created_at") or _epoch(event.get("timestamp"))


def _epoch(seconds: Any) -> str | None:
    if not isinstance(seconds, int | float):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _joined(values: Any) -> str | None:
    return ";".join(str(one) for one in values) or None if isinstance(values, list) else None


def _value(value: Any) -> str | None:
    if isinstance(value, list):
        return _joined(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
