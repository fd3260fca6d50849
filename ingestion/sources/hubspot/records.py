"""HubSpot's objects to records.

Belongs here: which part of an answer fills which column. Does not belong here: requests, and casting, which
is the pipeline's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.source import Malformed, Record
from ingestion.sources.hubspot.resources import ObjectType
from ingestion.sources.hubspot.settings import HubSpotSettings

# Calculated from the clock at the moment of reading: kept, each reading would be a new version.
_CLOCK_DRIVEN = (
    "hs_time_in_",
    "hs_v2_latest_time_in_",
    "hs_v2_cumulative_time_in_",
    "hs_v2_time_in_current_stage",
    "hs_time_since_",
    "days_to_close",
)


def is_kept(property_name: str) -> bool:
    """Whether a property says something of the object rather than of the clock."""
    return not property_name.startswith(_CLOCK_DRIVEN)


def crm_object(found: Mapping[str, Any], kind: ObjectType, settings: HubSpotSettings) -> Record | Malformed:
    """An object of any type. An archived one is a tombstone that still shows its content.

    The payload holds what every endpoint tells alike (no history, no associations, no empty properties), so
    that list, search and batch read make the same version of the same object.
    """
    object_id = found.get("id")
    properties = found.get("properties")
    if not object_id or not isinstance(properties, Mapping):
        return Malformed("expected an object with id and properties; one of them is missing", found)
    values: dict[str, Any] = {
        column: properties.get(settings.property_name(column)) or None for column in kind.property_columns
    }
    values[kind.id_column] = str(object_id)
    if "archived_at" in kind.resource.columns:
        values["archived_at"] = found.get("archivedAt")
    payload = {
        name: found[name]
        for name in ("id", "createdAt", "updatedAt", "archived", "archivedAt")
        if name in found
    }
    payload["properties"] = {
        name: value for name, value in sorted(properties.items()) if value not in (None, "") and is_kept(name)
    }
    return Record(
        values=values,
        payload=payload,
        is_deleted=bool(found.get("archived")),
        updated_at=values.get(kind.cursor) or found.get("updatedAt"),
    )


def history(found: Mapping[str, Any], kind: ObjectType, settings: HubSpotSettings) -> list[Record]:
    """Past and present values of the tracked properties; of two at the same instant the newer counts."""
    by_property = found.get("propertiesWithHistory") or {}
    records: list[Record] = []
    for column in kind.history:
        seen: set[str] = set()
        # Newest first.
        for entry in by_property.get(settings.property_name(column)) or []:
            changed_at = instant(entry["timestamp"])
            if changed_at in seen:
                continue
            seen.add(changed_at)
            values = {
                kind.id_column: str(found["id"]),
                "property": column,
                "value": entry.get("value") or None,
                "changed_at": changed_at,
                "source_type": entry.get("sourceType"),
            }
            records.append(Record(values=values, payload=entry))
    return records


def merged_ids(found: Mapping[str, Any]) -> list[str]:
    """Ids that were merged into this object."""
    text = (found.get("properties") or {}).get("hs_merged_object_ids") or ""
    return [one.strip() for one in str(text).split(";") if one.strip()]


def owner(found: Mapping[str, Any]) -> Record:
    """An owner; those who left are archived, not gone: objects keep pointing at them."""
    teams = found.get("teams") or []
    primary = next((team for team in teams if team.get("primary")), teams[0] if teams else {})
    user_id = found.get("userId") or found.get("userIdIncludingInactive")
    return Record(
        values={
            "owner_id": str(found["id"]),
            "user_id": None if user_id is None else str(user_id),
            "email": found.get("email") or None,
            "first_name": found.get("firstName") or None,
            "last_name": found.get("lastName") or None,
            "is_archived": bool(found.get("archived")),
            "updated_at": found.get("updatedAt"),
            "team_name": primary.get("name"),
        },
        payload=found,
    )


def pipeline(found: Mapping[str, Any]) -> Record:
    """A pipeline with its stages; the vendor tells stage metadata as text."""
    pipeline_id = str(found["id"])
    stages: list[Mapping[str, Any]] = [
        {
            "stage_id": str(stage["id"]),
            "pipeline_id": pipeline_id,
            "label": stage.get("label"),
            "display_order": stage.get("displayOrder"),
            "probability": (stage.get("metadata") or {}).get("probability"),
            "is_closed": (stage.get("metadata") or {}).get("isClosed"),
        }
        for stage in found.get("stages") or []
    ]
    return Record(
        values={
            "pipeline_id": pipeline_id,
            "label": found.get("label"),
            "display_order": found.get("displayOrder"),
        },
        payload=found,
        is_deleted=bool(found.get("archived")),
        children={"pipeline_stages": stages},
    )


def association(from_type: str, from_id: str, to_type: str, to_id: str, types: Iterable[Any]) -> Record:
    """An association; of several types between the same two objects the labelled one names it, `Primary`
    first.
    """
    labels = [label for one in types if (label := one.get("label"))]
    label = "Primary" if "Primary" in labels else min(labels, default=None)
    return Record(
        values={
            "from_type": from_type,
            "from_id": from_id,
            "to_type": to_type,
            "to_id": to_id,
            "label": label,
        },
        payload={"labels": sorted(labels)},
    )


def association_gone(key: str) -> Record:
    """The tombstone of an association, from its key."""
    from_type, from_id, to_type, to_id = key.split(":")
    return Record(
        values={"from_type": from_type, "from_id": from_id, "to_type": to_type, "to_id": to_id},
        is_deleted=True,
    )


def instant(value: Any) -> str:
    """A time in UTC with milliseconds: HubSpot writes the same instant with and without them, some in epoch
    milliseconds.
    """
    text = str(value)
    moment = (
        datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdecimal() else datetime.fromisoformat(text)
    )
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
