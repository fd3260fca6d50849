"""Intercom's objects to records.

Belongs here: which part of an answer fills which column. Does not belong here: requests, and casting, which
is the pipeline's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ingestion.source import Malformed, Record
from ingestion.sources.intercom.settings import IntercomSettings

# Using the product, or being written to, is no change of who somebody is.
_VOLATILE = frozenset({"session_count", "user_count", "monthly_spend", "avatar", "browser_version", "os"})


def conversation(found: Mapping[str, Any], settings: IntercomSettings) -> Record:
    """A conversation without its parts, which are records of their own."""
    source = found.get("source") or {}
    author = source.get("author") or {}
    rating = found.get("conversation_rating") or {}
    statistics = found.get("statistics") or {}
    attributes = found.get("custom_attributes") or {}
    tags = [str(tag["name"]) for tag in (found.get("tags") or {}).get("tags") or []]
    contacts = (found.get("contacts") or {}).get("contacts") or [{}]
    return Record(
        values={
            "conversation_id": str(found["id"]),
            "title": _text(found.get("title")),
            "state": found.get("state"),
            "priority": _text(attributes.get(settings.priority_attribute)),
            "conversation_type": _text(attributes.get(settings.type_attribute)),
            "is_merged": settings.merged_tag in tags,
            # Numbers before 2.16.
            "admin_assignee_id": _text(found.get("admin_assignee_id")),
            "team_assignee_id": _text(found.get("team_assignee_id")),
            "contact_id": _text(contacts[0].get("id")),
            "company_id": _text((found.get("company") or {}).get("id")),
            "source_id": _text(source.get("id")),
            "source_type": source.get("type"),
            "source_subject": _text(source.get("subject")),
            "source_body": source.get("body"),
            "author_id": _text(author.get("id")),
            "author_type": author.get("type"),
            "author_name": author.get("name"),
            "author_email": author.get("email") or None,
            "tags": ";".join(tags) or None,
            "work_item_keys": _joined_keys(attributes.get(settings.work_items_attribute)),
            "rating": rating.get("rating"),
            "rating_remark": rating.get("remark") or None,
            "rated_at": _time(rating.get("updated_at") or rating.get("created_at")),
            "rating_contact_id": _text((rating.get("contact") or {}).get("id")),
            "first_admin_reply_at": _time(statistics.get("first_admin_reply_at")),
            "first_close_at": _time(statistics.get("first_close_at")),
            "last_close_at": _time(statistics.get("last_close_at")),
            "reopen_count": statistics.get("count_reopens"),
            "part_count": statistics.get("count_conversation_parts"),
            "is_ai_agent_involved": found.get("ai_agent_participated"),
            "created_at": _time(found.get("created_at")),
            "updated_at": _time(found.get("updated_at")),
        },
        payload={name: value for name, value in found.items() if name != "conversation_parts"},
    )


def parts(found: Mapping[str, Any], settings: IntercomSettings) -> list[Record | Malformed]:
    """The parts of a conversation."""
    fields = {
        settings.priority_attribute: "priority",
        settings.type_attribute: "conversation_type",
        settings.work_items_attribute: "work_items",
    }
    key = str(found["id"])
    listed = (found.get("conversation_parts") or {}).get("conversation_parts") or []
    records: list[Record | Malformed] = []
    for one in listed:
        try:
            records.append(_part(one, key, fields))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            records.append(Malformed(f"not of the documented shape: {type(error).__name__} {error}", one))
    return records


def _part(found: Mapping[str, Any], conversation_id: str, fields: Mapping[str, str]) -> Record:
    author = found.get("author") or {}
    assigned = found.get("assigned_to") or {}
    details = found.get("event_details") or {}
    attribute = details.get("attribute") or {}
    value = details.get("value") or {}
    part_id = str(found["id"])
    return Record(
        values={
            "part_id": part_id,
            "part_number": int(part_id) if part_id.isdecimal() else None,
            "conversation_id": conversation_id,
            "part_type": found.get("part_type"),
            "body": found.get("body"),
            "state": found.get("state"),
            "author_id": _text(author.get("id")),
            "author_type": author.get("type"),
            "author_name": author.get("name"),
            "author_email": author.get("email") or None,
            "assigned_to_type": assigned.get("type"),
            "assigned_to_id": _text(assigned.get("id")),
            "attribute_name": _text(attribute.get("name")),
            # Which of our fields the attribute is.
            "field": fields.get(str(attribute.get("name"))),
            "attribute_value": _text(value.get("name")),
            "attribute_previous_value": _text(value.get("previous")),
            "is_redacted": found.get("redacted"),
            "created_at": _time(found.get("created_at")),
            "updated_at": _time(found.get("updated_at") or found.get("created_at")),
        },
        payload=found,
    )


def contact(found: Mapping[str, Any]) -> Record:
    """A contact; of its companies the first, as conversations are with one."""
    companies = (found.get("companies") or {}).get("data") or [{}]
    merged = [key for one in found.get("merge_history") or [] if (key := _merged_id(one))]
    return Record(
        values={
            "contact_id": str(found["id"]),
            "external_id": _text(found.get("external_id")),
            "role": found.get("role"),
            "name": found.get("name"),
            "email": found.get("email") or None,
            "company_id": _text(companies[0].get("id")),
            "merged_contact_ids": ";".join(merged) or None,
            "created_at": _time(found.get("created_at")),
            "updated_at": _time(found.get("updated_at")),
        },
        payload=_lasting(found),
    )


def company(found: Mapping[str, Any], settings: IntercomSettings) -> Record:
    """A company; its domain is that of its website."""
    attributes = found.get("custom_attributes") or {}
    return Record(
        values={
            "company_id": str(found["id"]),
            "external_id": _text(found.get("company_id")),
            "name": found.get("name"),
            "domain_names": _domain(found.get("website")),
            "country": _text(attributes.get(settings.country_attribute)),
            "created_at": _time(found.get("created_at")),
            "updated_at": _time(found.get("updated_at")),
        },
        payload=_lasting(found),
    )


def admin(found: Mapping[str, Any]) -> Record:
    """A teammate."""
    return Record(
        values={
            "admin_id": str(found["id"]),
            "name": found.get("name"),
            "email": found.get("email") or None,
            "team_ids": ";".join(str(one) for one in found.get("team_ids") or []) or None,
        },
        payload={name: value for name, value in found.items() if not name.startswith("away_")},
    )


def team(found: Mapping[str, Any]) -> Record:
    """A team; who is in it is told by the admins."""
    return Record(
        values={"team_id": str(found["id"]), "name": found.get("name")},
        payload={"id": found["id"], "name": found.get("name")},
    )


def deleted_conversation(found: Mapping[str, Any]) -> Record:
    """A tombstone."""
    return Record(
        values={"conversation_id": str(found["id"])},
        is_deleted=True,
        updated_at=_time(found.get("deleted_at")),
    )


def _merged_id(one: Any) -> str | None:
    # The entry's documentation is thin: the source's id under any of the names that it may have.
    if not isinstance(one, Mapping):
        return _text(one)
    source = one.get("source_contact_id") or one.get("source_id") or one.get("source") or one.get("id")
    return _text(source.get("id") if isinstance(source, Mapping) else source)


def _lasting(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in found.items()
        if name not in _VOLATILE and not (name.startswith("last_") and name.endswith("_at"))
    }


def _domain(website: Any) -> str | None:
    if not isinstance(website, str) or not website.strip():
        return None
    text = website.strip()
    host = urlsplit(text if "://" in text else f"https://{text}").hostname or ""
    return host.removeprefix("www.") or None


def _joined_keys(value: Any) -> str | None:
    if value is None:
        return None
    texts = value if isinstance(value, list) else str(value).replace(";", ",").split(",")
    return ";".join(text for one in texts if (text := str(one).strip())) or None


def _time(seconds: Any) -> str | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
