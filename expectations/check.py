"""What a check is and what comes out of one.

Belongs here: the records that suites, the runner and whoever reports on them share. Does not belong here:
where checks are written down (`contract.py`, `mart_suite.py`) and how they run (`runner.py`). Nothing here
costs an import worth mentioning, so that a scheduler's definitions can list every check at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["block", "warn", "notice"]
Layer = Literal["raw", "marts"]

MAX_FAILING_KEYS = 20


@dataclass(frozen=True)
class Expectation:
    """One expectation on the rows of a check's query.

    Arguments:
        kind: `no_rows`, `row_count`, `not_null`, `in_set`, `between`, `at_least` (column >= other column),
            `column_sum`: the kinds that behave alike on every warehouse. `read_fields_stay` and
            `other_fields_stay` compare two samples of payloads (`drift.py`).
        arguments: the kind's arguments (`column`, `values`, `low`, `high`, `other`; `columns`: the field that
            each typed column is read from).
    """

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def in_words(self) -> str:
        """What is expected, as a person would say it."""
        a = self.arguments
        column = a.get("column", "")
        match self.kind:
            case "no_rows":
                return "no such rows"
            case "row_count":
                return f"between {a.get('low', 0)} and {a.get('high', 'any number of')} rows"
            case "not_null":
                return f"{column} is never empty"
            case "in_set":
                return f"{column} is one of {', '.join(str(v) for v in a['values'])}"
            case "between":
                return f"{column} lies between {a.get('low', 'any')} and {a.get('high', 'any')}"
            case "at_least":
                return f"{column} is at least {a['other']}"
            case "column_sum":
                return f"the sum of {column} lies between {a.get('low', 'any')} and {a.get('high', 'any')}"
            case "read_fields_stay":
                return "no field that a column is read from is gone or of another type"
            case "other_fields_stay":
                return "no other field is new, gone or of another type"
        return self.kind


@dataclass(frozen=True)
class Check:
    """One thing that must be true of one table.

    Arguments:
        layer: `raw` (arrival) or `marts` (publication).
        suite: the source (raw) or the suite's file (marts).
        check: name, unique within the suite.
        table: `<schema>.<table>` that the check vouches for and that a failing `block` holds back.
        severity: `block` holds back the table and all downstream of it, `warn` publishes and alerts, `notice`
            tells something that is no fault.
        owner: who is told.
        why: what goes wrong for a reader of the numbers when it fails, in one sentence.
        query: the rows that are looked at (`select ...`), with the placeholders already filled in.
        keys: columns of the query that name a row without telling its values.
        expectations: what must hold of these rows.
        remedy: what its owner does when it fails.
    """

    layer: Layer
    suite: str
    check: str
    table: str
    severity: Severity
    owner: str
    why: str
    query: str
    keys: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    remedy: str = ""


@dataclass(frozen=True)
class CheckOutcome:
    """How a check came out.

    Arguments:
        observed: what was found, in words; never a value of a row.
        failing_keys: keys of at most 20 failing rows, parts joined by `|`.
        failed_count: rows that fail, as far as they could be counted.
        could_run: False where the check itself broke (a table or column is missing): counted as failed.
    """

    suite: str
    check: str
    table: str
    severity: Severity
    owner: str
    why: str
    success: bool
    observed: str
    failing_keys: tuple[str, ...] = ()
    failed_count: int = 0
    could_run: bool = True
    remedy: str = ""
