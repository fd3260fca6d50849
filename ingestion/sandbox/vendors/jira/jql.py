"""JQL: the documented subset that connectors use, compiled to a test and an order over issues.

Belongs here: reading JQL. Does not belong here: what an issue's values are (`tracker.py`), pages
(`__init__.py`).

Supported: `AND`, `OR`, `NOT`, parentheses; `=`, `!=`, `<`, `<=`, `>`, `>=`, `~`, `in`, `not in`, `is empty`,
`is not empty`; times as `"YYYY-MM-DD HH:mm"` (also with slashes, or a day alone) in the user's zone, epoch
milliseconds, `-1d` and the like, `now()`, `startOfDay()`; `ORDER BY`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo


class JqlError(ValueError):
    """A query that Jira answers with 400; the text is Jira's."""


class Searchable(Protocol):
    """What an issue must say to be searched."""

    def values(self, name: str) -> list[Any]:
        """A field's values, each as all the texts or numbers that may name it; empty when it has none."""
        ...

    def order(self, name: str) -> Any: ...


Test = Callable[[Any], bool]

TIMES = frozenset(
    {"updated", "created", "resolved", "resolutiondate", "statuscategorychangeddate", "due", "duedate"}
)
ALIASES = {
    "issuekey": "key",
    "issue": "key",
    "type": "issuetype",
    "sprint": "sprint",
    "updateddate": "updated",
    "createddate": "created",
    "resolutiondate": "resolved",
    "fixversion": "fixversion",
    "story points": "customfield_10016",
    "cf[10016]": "customfield_10016",
    "cf[10020]": "sprint",
}
FIELDS = frozenset(
    (
        *("project", "key", "id", "updated", "created", "resolved", "status", "statuscategory", "issuetype"),
        *("priority", "labels", "assignee", "reporter", "parent", "resolution", "sprint", "fixversion"),
        *("summary", "description", "text", "customfield_10016", "rank"),
    )
)


_TOKENS = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign><=|>=|!=|!~|=|<|>|~|\(|\)|,)
    |(?P<word>[^\s"'()=!<>~,]+(?:\(\))?))""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Query:
    """A compiled query.

    Arguments:
        is_bounded: whether it restricts anything at all.
        order: (field, is descending) pairs.
    """

    test: Test
    is_bounded: bool
    order: tuple[tuple[str, bool], ...]

    def run(self, issues: Iterable[Any]) -> list[Any]:
        found = [issue for issue in issues if self.test(issue)]
        if not self.order:
            return sorted(found, key=lambda issue: issue.order("created"), reverse=True)
        for name, is_descending in reversed(self.order):
            found.sort(key=lambda issue: _sortable(issue.order(name)), reverse=is_descending)
        return found


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


def compile_jql(text: str, now: datetime, zone: ZoneInfo) -> Query:
    """The query of a JQL text. Raises JqlError.

    Arguments:
        now: naive UTC.
        zone: the API user's zone, which times without one are in.
    """
    reader = _Reader(text or "", now, zone)
    test: Test | None = None
    if reader.tokens and reader.peek() != "order":
        test = reader.disjunction()
    order = reader.order()
    if reader.tokens:
        raise JqlError(
            f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{reader.tokens[0][1]}'."
        )
    return Query(test or (lambda issue: True), test is not None, order)


class _Reader:
    def __init__(self, text: str, now: datetime, zone: ZoneInfo) -> None:
        self.now, self.zone = now, zone
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKENS.match(text, at)
            if match is None or match.lastgroup is None:
                raise JqlError(f"Error in the JQL Query: cannot be read from '{text[at:].strip()}'.")
            kind, token = match.lastgroup, match.group(match.lastgroup)
            if kind == "text":
                token = re.sub(r"\\(.)", r"\1", token[1:-1])
            self.tokens.append((kind, token))
            at = match.end()

    def peek(self) -> str:
        return self.tokens[0][1].lower() if self.tokens and self.tokens[0][0] != "text" else ""

    def take(self, *wanted: str) -> str | None:
        if self.peek() in wanted and self.tokens:
            return self.tokens.pop(0)[1].lower()
        return None

    def disjunction(self) -> Test:
        tests = [self.conjunction()]
        while self.take("or", "||"):
            tests.append(self.conjunction())
        return tests[0] if len(tests) == 1 else lambda issue: any(test(issue) for test in tests)

    def conjunction(self) -> Test:
        tests = [self.clause()]
        while self.take("and", "&&"):
            tests.append(self.clause())
        return tests[0] if len(tests) == 1 else lambda issue: all(test(issue) for test in tests)

    def clause(self) -> Test:
        if self.take("not", "!"):
            inner = self.clause()
            return lambda issue: not inner(issue)
        if self.take("("):
            inner = self.disjunction()
            if not self.take(")"):
                raise JqlError("Error in the JQL Query: Expecting ')' before the end of the query.")
            return inner
        return self.restriction()

    def restriction(self) -> Test:
        if not self.tokens:
            raise JqlError("Error in the JQL Query: Expecting a field name but got the end of the query.")
        written = self.tokens.pop(0)[1]
        name = ALIASES.get(written.lower(), written.lower())
        if name not in FIELDS and name not in TIMES:
            raise JqlError(f"Field '{written}' does not exist or you do not have permission to view it.")
        operator = self.take("=", "!=", "<=", ">=", "<", ">", "~", "!~", "in", "not", "is")
        if operator is None:
            got = self.tokens[0][1] if self.tokens else "the end of the query"
            raise JqlError(
                "Error in the JQL Query: Expecting operator but got "
                f"'{got}'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', "
                "'NOT IN', 'IS' and 'IS NOT'."
            )
        if operator == "is":
            is_not = bool(self.take("not"))
            if not self.take("empty", "null"):
                raise JqlError("Error in the JQL Query: Expecting EMPTY or NULL after IS.")
            return lambda issue: bool(issue.values(name)) == is_not
        if operator == "not":
            if not self.take("in"):
                raise JqlError("Error in the JQL Query: Expecting 'IN' after 'NOT'.")
            return _inside(name, self.listed(), False)
        if operator == "in":
            return _inside(name, self.listed(), True)
        value = self.value()
        if operator in ("=", "!=") and value.lower() in ("empty", "null"):
            return lambda issue: bool(issue.values(name)) == (operator == "!=")
        if name in TIMES:
            return _timed(name, operator, self.moment(value, written))
        if operator in ("=", "!="):
            return _inside(name, [value], operator == "=")
        if operator in ("~", "!~"):
            words = value.lower().replace("*", "").split()
            return lambda issue: (
                all(any(word in str(text).lower() for text in _flat(issue.values(name))) for word in words)
                == (operator == "~")
            )
        return _ordered(name, operator, value)

    def listed(self) -> list[str]:
        if not self.take("("):
            raise JqlError("Error in the JQL Query: Expecting '(' after IN.")
        values = [self.value()]
        while self.take(","):
            values.append(self.value())
        if not self.take(")"):
            raise JqlError("Error in the JQL Query: Expecting ')' at the end of a list.")
        return values

    def value(self) -> str:
        if not self.tokens or self.tokens[0][0] == "sign":
            raise JqlError("Error in the JQL Query: Expecting either a value, list or function.")
        value = self.tokens.pop(0)[1]
        if value.lower() in ("now", "startofday", "currentuser") and self.take("("):
            self.take(")")
            value += "()"
        return value

    def order(self) -> tuple[tuple[str, bool], ...]:
        if not self.take("order"):
            return ()
        if not self.take("by"):
            raise JqlError("Error in the JQL Query: Expecting 'BY' after 'ORDER'.")
        order = []
        while True:
            if not self.tokens:
                raise JqlError("Error in the JQL Query: Expecting a field to order by.")
            written = self.tokens.pop(0)[1]
            name = ALIASES.get(written.lower(), written.lower())
            if name not in FIELDS and name not in TIMES:
                raise JqlError(f"Not able to sort using field '{written}'.")
            order.append((name, self.take("asc", "desc") == "desc"))
            if not self.take(","):
                return tuple(order)

    def moment(self, text: str, field: str) -> datetime:
        """A time of a query as naive UTC."""
        if re.fullmatch(r"-?\d{10,}", text):
            return datetime.fromtimestamp(int(text) / 1000, UTC).replace(tzinfo=None)
        if re.fullmatch(r"[+-]?\d+[wdhmM](\s+\d+[wdhm])*", text):
            sign = -1 if text.startswith("-") else 1
            units = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
            total = timedelta()
            for number, unit in re.findall(r"(\d+)([wdhm])", text):
                total += timedelta(**{units[unit]: int(number)})
            return self.now + sign * total
        if text.lower() == "now()":
            return self.now
        local_now = self.now.replace(tzinfo=UTC).astimezone(self.zone)
        if text.lower() == "startofday()":
            local = local_now.replace(hour=0, minute=0, second=0, microsecond=0)
            return local.astimezone(UTC).replace(tzinfo=None)
        for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
            try:
                local = datetime.strptime(text, form).replace(tzinfo=self.zone)
            except ValueError:
                continue
            return local.astimezone(UTC).replace(tzinfo=None)
        raise JqlError(
            f"Date value '{text}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
            "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
        )


def _flat(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, tuple) else (value,))]


def _inside(name: str, wanted: list[str], inside: bool) -> Test:
    keys = {text.lower() for text in wanted}

    def test(issue: Any) -> bool:
        values = issue.values(name)
        found = any(str(one).lower() in keys for one in _flat(values))
        # As in Jira, neither != nor NOT IN finds issues whose field is empty.
        return found if inside else bool(values) and not found

    return test


def _timed(name: str, operator: str, moment: datetime) -> Test:
    compare = _SIGNS.get(operator)
    if compare is None:
        raise JqlError(f"The operator '{operator}' is not supported by the '{name}' field.")

    def test(issue: Any) -> bool:
        values = issue.values(name)
        return bool(values) and compare(values[0], moment)

    return test


def _ordered(name: str, operator: str, value: str) -> Test:
    compare = _SIGNS[operator]
    try:
        wanted = float(value)
    except ValueError as error:
        raise JqlError(f"The value '{value}' does not exist for the field '{name}'.") from error

    def test(issue: Any) -> bool:
        for one in _flat(issue.values(name)):
            try:
                return compare(float(one), wanted)
            except (TypeError, ValueError):
                continue
        return False

    return test


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}
