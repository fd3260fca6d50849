"""SOQL, as far as clients that read objects use it: one object, conditions, order, limit.

Belongs here: reading a query and applying it to records. Does not belong here: pages and jobs
(`__init__.py`).

    SELECT Id, Name FROM Account WHERE SystemModstamp >= 2026-10-01T00:00:00Z AND (NOT Type IN ('Customer'))
    ORDER BY SystemModstamp ASC NULLS FIRST, Id LIMIT 10 OFFSET 5
    SELECT COUNT() FROM Account
    SELECT FIELDS(ALL) FROM Account LIMIT 200
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ingestion.sandbox.snapshot import read_time
from ingestion.sandbox.vendors.salesforce.org import KIND_NAMES, KINDS, Field, Kind, Record, full_id

Test = Callable[[Record], bool]

MOST_WITH_FIELDS = 200
NUMBERS = frozenset(("int", "double", "currency", "percent"))
UNFILTERABLE = frozenset(("textarea", "address", "anyType", "base64"))

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*')
        |(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
        |(?P<day>\d{4}-\d\d-\d\d)
        |(?P<number>[+-]?\d+(?:\.\d+)?)
        |(?P<name>[A-Za-z_][A-Za-z0-9_.]*)
        |(?P<sign>!=|<>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)


class QueryError(ValueError):
    """A query that Salesforce refuses.

    Arguments:
        code: Salesforce's word for it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Query:
    """A query that was read: `fields` is empty for COUNT()."""

    kind: Kind
    fields: tuple[Field, ...]
    is_count: bool
    test: Test | None
    order: tuple[tuple[Field, bool, bool], ...]
    limit: int | None
    offset: int

    def apply(self, records: list[Record]) -> list[Record]:
        """The records that it finds, in its order."""
        found = [record for record in records if self.test(record)] if self.test else list(records)
        for field, is_descending, nulls_last in reversed(self.order):
            name = field.name
            known = [record for record in found if record[name] is not None]
            unknown = [record for record in found if record[name] is None]
            known.sort(key=lambda record: _sortable(record[name]), reverse=is_descending)
            found = known + unknown if nulls_last else unknown + known
        found = found[self.offset :]
        return found if self.limit is None else found[: self.limit]


def _sortable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def parse(text: str) -> Query:
    """The query of a text.

    Raises:
        QueryError: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD or EXCEEDED_ID_LIMIT.
    """
    return _Reader(text).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            found = _TOKEN.match(text, place)
            if found is None:
                raise self.malformed(text[place:].strip()[:20])
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            place = found.end()
        self.at = 0
        self.kind: Kind

    @staticmethod
    def malformed(near: str) -> QueryError:
        return QueryError(
            "MALFORMED_QUERY", f"unexpected token: '{near}'" if near else "unexpected token: <EOF>"
        )

    def peek(self) -> str:
        return self.tokens[self.at][1].upper() if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        """The next token; one of `wanted` when given."""
        if self.at >= len(self.tokens) or (wanted and self.peek() not in wanted):
            raise self.malformed(self.tokens[self.at][1] if self.at < len(self.tokens) else "")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def skip(self, word: str) -> bool:
        if self.peek() != word:
            return False
        self.at += 1
        return True

    def query(self) -> Query:
        self.take("SELECT")
        is_count = False
        names: list[str] = []
        group = ""
        if self.peek() == "COUNT" and self.tokens[self.at + 1 : self.at + 2] == [("sign", "(")]:
            self.at += 2
            self.take(")")
            is_count = True
        else:
            while True:
                name = self.take()
                if name.upper() == "FIELDS":
                    self.take("(")
                    group = self.take("ALL", "STANDARD", "CUSTOM").upper()
                    self.take(")")
                else:
                    names.append(name)
                if not self.skip(","):
                    break
        self.take("FROM")
        said = self.take()
        if said.lower() not in KIND_NAMES:
            raise QueryError(
                "INVALID_TYPE",
                f"sObject type '{said}' is not supported. If you are attempting to use a custom "
                f"object, be sure to "
                "append the '__c' after the entity name. Please reference your WSDL or the describe "
                "call for the "
                "appropriate names.",
            )
        self.kind = KINDS[KIND_NAMES[said.lower()]]
        fields = [self.field(name) for name in names]
        if group:
            fields += [
                field
                for field in self.kind.fields
                if group == "ALL" or field.is_custom == (group == "CUSTOM")
            ]
        test = self.either() if self.skip("WHERE") else None
        order = self.order() if self.skip("ORDER") else ()
        limit = int(self.take()) if self.skip("LIMIT") else None
        offset = int(self.take()) if self.skip("OFFSET") else 0
        if self.at < len(self.tokens):
            raise self.malformed(self.tokens[self.at][1])
        if group in ("ALL", "CUSTOM") and (limit is None or limit > MOST_WITH_FIELDS):
            raise QueryError(
                "MALFORMED_QUERY",
                "The SOQL FIELDS function must have a LIMIT of at most 200 to be used here.",
            )
        return Query(self.kind, tuple(dict.fromkeys(fields)), is_count, test, order, limit, offset)

    def field(self, name: str) -> Field:
        found = self.kind.by_name.get(name.rpartition(".")[2].lower())
        prefix = name.rpartition(".")[0]
        if found is None or prefix not in ("", self.kind.name):
            raise QueryError(
                "INVALID_FIELD",
                f"No such column '{name}' on entity '{self.kind.name}'. If you are attempting to "
                f"use a custom field, "
                "be sure to append the '__c' after the custom field name.",
            )
        return found

    def order(self) -> tuple[tuple[Field, bool, bool], ...]:
        self.take("BY")
        sorts = []
        while True:
            field = self.field(self.take())
            is_descending = self.peek() == "DESC"
            if self.peek() in ("ASC", "DESC"):
                self.take()
            nulls_last = False
            if self.skip("NULLS"):
                nulls_last = self.take("FIRST", "LAST").upper() == "LAST"
            sorts.append((field, is_descending, nulls_last))
            if not self.skip(","):
                return tuple(sorts)

    def either(self) -> Test:
        tests = [self.both()]
        while self.skip("OR"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.skip("AND"):
            tests.append(self.single())
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def single(self) -> Test:
        if self.skip("NOT"):
            negated = self.single()
            return lambda record: not negated(record)
        if self.skip("("):
            inner = self.either()
            self.take(")")
            return inner
        field = self.field(self.take())
        if field.type in UNFILTERABLE:
            raise QueryError("INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
        name = field.name
        if self.peek() in ("IN", "NOT"):
            is_in = not self.skip("NOT")
            self.take("IN")
            self.take("(")
            wanted = [self.value(field)]
            while self.skip(","):
                wanted.append(self.value(field))
            self.take(")")
            found = set(wanted)
            return lambda record: (_comparable(record[name]) in found) == is_in
        sign = self.take("=", "!=", "<>", "<", "<=", ">", ">=", "LIKE").upper()
        value = self.value(field)
        if sign == "LIKE":
            pattern = re.compile(
                re.escape(str(value)).replace("%", ".*").replace("_", "."), re.IGNORECASE | re.DOTALL
            )
            return lambda record: pattern.fullmatch(str(record[name] or "")) is not None
        if sign == "=":
            return lambda record: _comparable(record[name]) == value
        if sign in ("!=", "<>"):
            return lambda record: _comparable(record[name]) != value
        compare = _COMPARE[sign]
        return lambda record: record[name] is not None and compare(_comparable(record[name]), value)

    def value(self, field: Field) -> Any:
        """A literal in the field's type. Dates and numbers stand without quotes, texts with them."""
        if self.at >= len(self.tokens):
            raise self.malformed("")
        said, text = self.tokens[self.at]
        self.at += 1
        if said == "name" and text.upper() == "NULL":
            return None
        fits = {"datetime": "moment", "date": "day", "boolean": "name"}.get(
            field.type, "number" if field.type in NUMBERS else "text"
        )
        if said != fits:
            raise QueryError(
                "INVALID_FIELD",
                f"value of filter criterion for field '{field.name}' must be of type {field.type} and should "
                f"{'be' if fits == 'text' else 'not be'} enclosed in quotes",
            )
        if fits == "moment":
            # Compared by the second.
            return read_time(text).replace(microsecond=0)
        if fits == "day":
            return date.fromisoformat(text)
        if fits == "number":
            return float(text)
        if fits == "name":
            if text.upper() not in ("TRUE", "FALSE"):
                raise self.malformed(text)
            return text.upper() == "TRUE"
        plain = re.sub(r"\\(.)", r"\1", text[1:-1])
        return full_id(plain) if field.type in ("id", "reference") else plain.lower()


def _comparable(value: Any) -> Any:
    """A stored value as literals are compared with it: texts without case, moments by the second."""
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    if isinstance(value, str):
        return value if len(value) == 18 and value[3:6] == "RO0" else value.lower()
    return value


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}
