"""Intercom's search bodies: filters, how dates are meant by version, order and pages.

Belongs here: which objects a body finds and in what order. Does not belong here: what the objects hold
(`inbox.py`), paths (`__init__.py`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

DEEPEST = 2
MOST_FILTERS = 15
_DAY_OPERATORS = ("=", ">", "<")


class SearchInvalidError(ValueError):
    """A body that Intercom would refuse."""


def matcher(
    query: Any, day_zone: ZoneInfo | None, date_fields: frozenset[str]
) -> Callable[[Mapping[str, Any]], bool]:
    """The test that a query makes of an object.

    Arguments:
        day_zone: the workspace's zone, where timestamps are compared by the calendar day in it (contacts
            before 2.17); None compares seconds.

    Raises SearchInvalidError.
    """
    if not isinstance(query, Mapping) or not query:
        raise SearchInvalidError("query must be an object with field, operator and value")
    return _group(query, 1, day_zone, date_fields)


def _group(
    query: Mapping[str, Any], depth: int, zone: ZoneInfo | None, dates: frozenset[str]
) -> Callable[[Mapping[str, Any]], bool]:
    operator = str(query.get("operator", "")).upper()
    if operator not in ("AND", "OR") or "field" in query:
        return _single(query, zone, dates)
    members = query.get("value")
    if not isinstance(members, list) or not members:
        raise SearchInvalidError("value of AND and OR must be a list of filters")
    if len(members) > MOST_FILTERS:
        raise SearchInvalidError(f"A group must not have more than {MOST_FILTERS} filters")
    if depth > DEEPEST:
        raise SearchInvalidError(f"Filters must not be nested deeper than {DEEPEST} levels")
    tests = [_group(member, depth + 1, zone, dates) for member in members]
    whole = all if operator == "AND" else any
    return lambda found: whole(test(found) for test in tests)


def _single(
    query: Mapping[str, Any], zone: ZoneInfo | None, dates: frozenset[str]
) -> Callable[[Mapping[str, Any]], bool]:
    field, operator, value = query.get("field"), query.get("operator"), query.get("value")
    if not isinstance(field, str) or not isinstance(operator, str):
        raise SearchInvalidError("a filter needs field, operator and value")
    if field in dates:
        return _of_time(field, operator, value, zone)
    if operator in ("IN", "NIN"):
        if not isinstance(value, list):
            raise SearchInvalidError(f"value of {operator} must be a list")
        wanted = {str(one) for one in value}
        return lambda found: (str(_at(found, field)) in wanted) == (operator == "IN")
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda one: _alike(one, value),
        "!=": lambda one: not _alike(one, value),
        ">": lambda one: one is not None and _ordered(one) > _ordered(value),
        "<": lambda one: one is not None and _ordered(one) < _ordered(value),
        "~": lambda one: str(value).lower() in str(one or "").lower(),
        "!~": lambda one: str(value).lower() not in str(one or "").lower(),
        "^": lambda one: str(one or "").lower().startswith(str(value).lower()),
        "$": lambda one: str(one or "").lower().endswith(str(value).lower()),
    }
    test = tests.get(operator)
    if test is None:
        raise SearchInvalidError(f"{operator} is not a valid operator")
    return lambda found: test(_at(found, field))


def _of_time(
    field: str, operator: str, value: Any, zone: ZoneInfo | None
) -> Callable[[Mapping[str, Any]], bool]:
    if zone is not None and operator not in _DAY_OPERATORS:
        raise SearchInvalidError(f"{operator} is not a valid operator for dates")
    values = value if operator in ("IN", "NIN") and isinstance(value, list) else [value]
    try:
        seconds = [float(one) for one in values]
    except (TypeError, ValueError):
        raise SearchInvalidError(f"{field} must be compared with a UNIX timestamp") from None
    begin, end = (_day(seconds[0], zone)) if zone is not None else (seconds[0], seconds[0] + 1)
    tests: dict[str, Callable[[float], bool]] = {
        "=": lambda at: begin <= at < end,
        "!=": lambda at: not begin <= at < end,
        ">": lambda at: at >= end,
        ">=": lambda at: at >= begin,
        "<": lambda at: at < begin,
        "<=": lambda at: at < end,
        "IN": lambda at: at in seconds,
        "NIN": lambda at: at not in seconds,
    }
    test = tests.get(operator)
    if test is None:
        raise SearchInvalidError(f"{operator} is not a valid operator for dates")

    def holds(found: Mapping[str, Any]) -> bool:
        at = _at(found, field)
        return at is not None and test(at)

    return holds


def _day(seconds: float, zone: ZoneInfo) -> tuple[float, float]:
    """The calendar day of a moment in a zone, as epoch seconds."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()
    begin = datetime(local.year, local.month, local.day, tzinfo=zone)
    following = local + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    return begin.timestamp(), end.timestamp()


def _at(found: Mapping[str, Any], path: str) -> Any:
    value: Any = found
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _alike(one: Any, value: Any) -> bool:
    if one is None or value is None:
        return one is value
    return _ordered(one) == _ordered(value)


def _ordered(value: Any) -> tuple[int, float, str]:
    """Numbers, also those in text, before other text."""
    text = str(value)
    try:
        return 0, float(text), ""
    except ValueError:
        # An empty text is before every id.
        return (-1, 0.0, "") if not text else (1, 0.0, text)


def page(
    objects: Sequence[Mapping[str, Any]],
    *,
    field: str,
    descending: bool,
    after: str | None,
    size: int,
) -> tuple[list[Mapping[str, Any]], str | None]:
    """The objects after a cursor in the order of a field (then of the id), and the cursor of what follows.

    Raises SearchInvalidError.
    """

    def place(one: Mapping[str, Any]) -> tuple[Any, Any]:
        return _ordered(_at(one, field) if _at(one, field) is not None else ""), _ordered(one["id"])

    ordered = sorted(objects, key=place, reverse=descending)
    if after is not None:
        value, key = _read_cursor(after)
        last = (_ordered(value), _ordered(key))
        ordered = [one for one in ordered if (place(one) < last if descending else place(one) > last)]
    found = ordered[:size]
    if len(ordered) <= size:
        return found, None
    value = _at(found[-1], field)
    cursor = orjson.dumps(["" if value is None else value, found[-1]["id"]])
    return found, base64.b64encode(cursor).decode()


def _read_cursor(text: str) -> tuple[Any, Any]:
    try:
        value, key = orjson.loads(base64.b64decode(text))
    except (binascii.Error, orjson.JSONDecodeError, ValueError, TypeError):
        raise SearchInvalidError("starting_after is invalid") from None
    return value, key
