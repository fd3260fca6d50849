"""HubSpot's search: filter groups and one sort over records.

Belongs here: reading and applying a search body. Does not belong here: its limits and pages (`__init__.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ingestion.sandbox.snapshot import read_time
from ingestion.sandbox.vendors.hubspot.objects import Property, Record

OPERATORS = frozenset(
    (
        *("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN"),
        *("HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"),
    )
)
_EPOCH = datetime(1970, 1, 1)


class SearchError(ValueError):
    """A search that HubSpot answers with 400."""


Test = Callable[[Record], bool]


def compile_search(
    body: Mapping[str, Any], definitions: Mapping[str, Property], defaults: tuple[str, ...]
) -> Test:
    """The test that a body's `filterGroups` and `query` put to a record. Raises SearchError."""
    groups = body.get("filterGroups") or []
    filters = body.get("filters")
    if filters:
        groups = [*groups, {"filters": filters}]
    if len(groups) > 5:
        raise SearchError("The maximum number of filterGroups is 5.")
    if any(len(group.get("filters") or []) > 6 for group in groups):
        raise SearchError("The maximum number of filters per filterGroup is 6.")
    if sum(len(group.get("filters") or []) for group in groups) > 18:
        raise SearchError("The maximum number of filters is 18.")
    compiled = [[_filter(item, definitions) for item in group.get("filters") or []] for group in groups]
    words = str(body.get("query") or "").lower().split()

    def test(record: Record) -> bool:
        if compiled and not any(all(part(record) for part in group) for group in compiled):
            return False
        if words:
            text = " ".join(str(record.properties.get(name) or "") for name in defaults).lower()
            return all(word in text for word in words)
        return True

    return test


def compile_sort(
    body: Mapping[str, Any], definitions: Mapping[str, Property]
) -> tuple[Callable[[Record], Any], bool]:
    """The key and direction of a body's one sort; by id when there is none. Raises SearchError."""
    sorts = body.get("sorts") or []
    if len(sorts) > 1:
        raise SearchError("Only one sort is allowed.")
    if not sorts:
        return (lambda record: record.id), False
    sort = {"propertyName": sorts[0]} if isinstance(sorts[0], str) else sorts[0]
    name = str(sort.get("propertyName"))
    definition = definitions.get(name)
    if definition is None:
        raise SearchError(f"There was a problem with the request. Property '{name}' does not exist.")
    reader = _reader(definition)

    def key(record: Record) -> Any:
        value = record.properties.get(name)
        read = reader(value) if value is not None else None
        return (read is not None, read if read is not None else 0, record.id)

    return key, str(sort.get("direction", "ASCENDING")).upper() == "DESCENDING"


def _reader(definition: Property) -> Callable[[Any], Any]:
    if definition.kind == "number":
        return float
    if definition.kind in ("datetime", "date"):
        return _millis
    return lambda value: str(value).lower()


def _millis(value: Any) -> float:
    """Epoch milliseconds of a filter's or property's time: milliseconds as number or text, or ISO."""
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    if text.lstrip("-").isdigit():
        return float(text)
    return round((read_time(text) - _EPOCH).total_seconds() * 1000)


def _filter(item: Mapping[str, Any], definitions: Mapping[str, Property]) -> Test:
    name, operator = str(item.get("propertyName")), str(item.get("operator"))
    if operator not in OPERATORS:
        raise SearchError(
            f"Invalid input JSON: operator '{operator}' is none of {', '.join(sorted(OPERATORS))}"
        )
    definition = definitions.get(name)
    if definition is None:
        raise SearchError(f"There was a problem with the request. Property '{name}' does not exist.")
    if operator == "HAS_PROPERTY":
        return lambda record: record.properties.get(name) is not None
    if operator == "NOT_HAS_PROPERTY":
        return lambda record: record.properties.get(name) is None
    reader = _reader(definition)
    try:
        if operator in ("IN", "NOT_IN"):
            wanted = {reader(value) for value in item.get("values") or []}
            inside = operator == "IN"
            return lambda record: (
                (value := record.properties.get(name)) is not None and (reader(value) in wanted) == inside
            )
        if operator == "BETWEEN":
            low, high = reader(item["value"]), reader(item["highValue"])
            return lambda record: (
                (value := record.properties.get(name)) is not None and low <= reader(value) <= high
            )
        if item.get("value") is None:
            raise SearchError(f"There was a problem with the request. {operator} on '{name}' needs a value.")
        wanted_value = reader(item["value"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SearchError):
            raise
        raise SearchError(
            f"Invalid input JSON: the value of the filter on '{name}' cannot be read."
        ) from error
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        token = str(item["value"]).lower().strip("*")
        contains = operator == "CONTAINS_TOKEN"
        return lambda record: (token in str(record.properties.get(name) or "").lower()) == contains
    compare = _COMPARE[operator]
    return lambda record: (
        (value := record.properties.get(name)) is not None and compare(reader(value), wanted_value)
    )


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda one, other: one == other,
    "NEQ": lambda one, other: one != other,
    "LT": lambda one, other: one < other,
    "LTE": lambda one, other: one <= other,
    "GT": lambda one, other: one > other,
    "GTE": lambda one, other: one >= other,
}
