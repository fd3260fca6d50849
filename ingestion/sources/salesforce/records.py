"""Salesforce's records to ours.

Belongs here: which field fills which column, and one spelling for what REST and Bulk spell differently.
Does not belong
here: requests, and casting, which is the pipeline's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.source import Malformed, Record
from ingestion.sources.salesforce.resources import SObject
from ingestion.sources.salesforce.settings import SalesforceSettings

# Not of the record but of who looks at it: they change without SystemModstamp.
_OF_THE_READER = frozenset(("LastViewedDate", "LastReferencedDate"))
# Bulk cannot tell the first two, and the last is content of its own.
_UNREAD_TYPES = frozenset(("address", "location", "base64", "complexvalue"))
_FRACTIONS = frozenset(("currency", "double", "percent"))


def readable_fields(described: Mapping[str, Any]) -> dict[str, str]:
    """Fields worth asking for, to their type, from an object's description."""
    return {
        str(field["name"]): str(field["type"])
        for field in described["fields"]
        if field["type"] not in _UNREAD_TYPES and field["name"] not in _OF_THE_READER
    }


def spelled(value: Any, kind: str) -> Any:
    """A value alike whether it came as JSON (`+0000`, numbers, null) or as CSV (`Z`, texts, nothing)."""
    if value is None or value == "":
        return None
    if kind == "datetime":
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "int":
        return int(float(value))
    if kind in _FRACTIONS:
        return float(value)
    # Whatever type a history's old and new value have.
    return value if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def record(
    found: Mapping[str, Any], kind: SObject, types: Mapping[str, str], settings: SalesforceSettings
) -> Record | Malformed:
    """A record of any object. A deleted one is a tombstone that still shows its content.

    The payload has no empty fields, so that REST and Bulk make the same version of the same record.
    """
    if not found.get("Id"):
        return Malformed("expected a record with an Id; it is missing", dict(found))
    said: dict[str, Any] = {}
    for name, value in found.items():
        if name == "attributes":
            continue
        try:
            told = spelled(value, types.get(name, "string"))
        except ValueError:
            # The column's cast says what is wrong with it.
            told = str(value)
        if told is not None:
            said[name] = told
    values = {column: said.get(kind.field_of(column, settings)) for column in kind.fields}
    if kind.of:
        # The company names its fields itself; past this, a tracked one is known by the column that it fills.
        values["column_name"] = kind.of.column_of(str(said.get("Field")), settings)
    return Record(
        values=values,
        payload=said,
        is_deleted=bool(said.get("IsDeleted")) and not kind.is_append_only,
    )


def stage_of(record_type_id: str, position: int, found: Mapping[str, Any]) -> Record:
    """A stage of a record type's sales process."""
    values = {"record_type_id": record_type_id, "api_name": str(found["value"]), "position": position}
    return Record(values=values, payload={"label": found.get("label")})
