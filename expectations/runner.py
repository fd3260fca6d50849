"""Lists and runs the checks.

Belongs here: the two entry points that orchestration uses. Does not belong here: the meaning of any check.
`list_checks` reads YAML and nothing else; Great Expectations is imported only when checks run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from expectations.check import MAX_FAILING_KEYS, Check, CheckOutcome, Expectation, Layer
from expectations.contract import read_contracts
from expectations.drift import field_changes
from expectations.mart_suite import read_mart_suites

if TYPE_CHECKING:
    from expectations.context import Session

# Checks are listed with a fixed moment: their names, tables and owners do not depend on it.
_ANY_MOMENT = datetime(2000, 1, 1)


class LockedWarehouse(Protocol):
    """The working warehouse: its SQLAlchemy address, and the lock that whoever opens it must hold."""

    def sql_address(self) -> tuple[str, dict[str, Any]]: ...

    def lock(self) -> AbstractContextManager[Any]: ...


def list_checks(
    layer: Layer | None = None, *, sources: Sequence[str] | None = None, names: Sequence[str] | None = None
) -> list[Check]:
    """Every check there is, without running any.

    Arguments:
        layer: `raw`, `marts`, or None for both.
        sources: the sources that are on; contracts of others, and checks that need others, are left out.
        names: suites to list.
    """
    checks: list[Check] = []
    if layer in (None, "raw"):
        wanted = list((sources if names is None else names) or ())
        checks += read_contracts(_ANY_MOMENT, wanted or None)
    if layer in (None, "marts"):
        checks += read_mart_suites(_ANY_MOMENT, sources=sources, names=names if layer == "marts" else None)
    return checks


def run_suites(
    layer: Layer,
    warehouse: LockedWarehouse,
    *,
    now: datetime,
    names: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    time_zone: str = "UTC",
    own_email_domains: Sequence[str] = (),
    instances: Mapping[str, Sequence[str]] | None = None,
    report: Callable[[int, int, CheckOutcome], None] | None = None,
) -> list[CheckOutcome]:
    """Run suites on the working warehouse under its lock; the file is closed when this returns.

    Arguments:
        layer: `raw` (arrival contracts) or `marts` (publication suites).
        now: the run's now, UTC.
        names: suites to run (raw: sources); None runs all.
        sources: sources that are on; checks that need another one are left out.
        time_zone: the company's time zone.
        own_email_domains: domains of the company's own staff.
        instances: connections of each source that are on; each keeps the promise of freshness for itself.
            None: those that ever loaded.
        report: called after each check with (done, of, outcome).
    """
    moment = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    if layer == "raw":
        checks = read_contracts(
            moment, list(names) if names is not None else list(sources) if sources else None, instances
        )
    else:
        checks = read_mart_suites(
            moment, time_zone=time_zone, own_email_domains=own_email_domains, sources=sources, names=names
        )

    from expectations.context import open_session  # seconds: before the lock, not under it

    outcomes = []
    with warehouse.lock(), open_session(*warehouse.sql_address()) as session:
        for number, check in enumerate(checks, start=1):
            outcome = _run(session, check)
            outcomes.append(outcome)
            if report is not None:
                report(number, len(checks), outcome)
    return outcomes


def _run(session: Session, check: Check) -> CheckOutcome:
    try:
        if check.expectations[0].kind in _DRIFT:
            return _outcome(check, _drifted(session, check))
        batch = session.batch(f"{check.layer}.{check.suite}.{check.check}", check.query)
        failures = _validate(session, batch, check)
    except Exception as error:
        return _outcome(
            check, [(f"the check could not run: {_first_line(str(error))}", 0, ())], could_run=False
        )
    return _outcome(check, failures)


_DRIFT = ("read_fields_stay", "other_fields_stay")


def _drifted(session: Session, check: Check) -> list[tuple[str, int, tuple[str, ...]]]:
    """Fields that changed, by name; a field's name is the vendor's, never a value."""
    [rule] = check.expectations
    changes = session.remembered(
        check.query, lambda rows: field_changes(*_parts(rows), rule.arguments["columns"])
    )
    are_read = rule.kind == "read_fields_stay"
    told = [("gone", name, name) for name in changes.gone] + [
        ("of another type", name, f"{name} ({was} before, {is_now} now)")
        for name, was, is_now in changes.retyped
    ]
    if not are_read:
        told += [("new", name, name) for name in changes.new if name not in changes.readers]
    failures: list[tuple[str, int, tuple[str, ...]]] = []
    for what, name, words in told:
        if (name in changes.readers) == are_read:
            by = f", read into {', '.join(changes.readers[name])}" if are_read else ""
            failures.append((f"{what}: {words}{by}", 0, (name,)))
    return failures


def _parts(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows before, and of the latest day."""
    before, latest = ([row for row in rows if row["part"] == part] for part in ("before", "latest"))
    return before, latest


def _validate(session: Session, batch: Any, check: Check) -> list[tuple[str, int, tuple[str, ...]]]:
    """What failed: (in words, failing rows, keys of some of them)."""
    import great_expectations as gx

    expectations = [_to_gx(rule) for rule in check.expectations]
    suite = gx.ExpectationSuite(name=check.check, expectations=expectations)
    on_tables = all(rule.kind in ("no_rows", "row_count", "column_sum") for rule in check.expectations)
    result = batch.validate(suite, result_format="BASIC" if on_tables else "BOOLEAN_ONLY")
    if result.success:
        return []
    failures = []
    for rule, expectation in zip(check.expectations, expectations, strict=True):
        # Most checks pass, and only a failing one is worth the queries for its rows.
        found = batch.validate(
            expectation,
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": list(check.keys),
                "partial_unexpected_count": MAX_FAILING_KEYS,
            },
        )
        if found.success:
            continue
        message = _exception_message(found.exception_info)
        if message is not None:
            raise RuntimeError(message)
        if rule.kind == "no_rows":
            rows = session.rows(
                f"select {', '.join(check.keys)} from ({check.query}) as failing", MAX_FAILING_KEYS
            )
            failures.append(
                ("rows that should not exist", int(found.result["observed_value"]), _keys(rows, check))
            )
        elif rule.kind in ("row_count", "column_sum"):
            failures.append((f"expected {rule.in_words()}, found {found.result['observed_value']}", 0, ()))
        else:
            rows = found.result.get("partial_unexpected_index_list") or []
            failures.append(
                (
                    f"expected that {rule.in_words()}",
                    int(found.result["unexpected_count"]),
                    _keys(rows, check),
                )
            )
    return failures


def _to_gx(rule: Expectation) -> Any:
    import great_expectations.expectations as gxe

    a = rule.arguments
    match rule.kind:
        case "no_rows":
            return gxe.ExpectTableRowCountToEqual(value=0)
        case "row_count":
            return gxe.ExpectTableRowCountToBeBetween(min_value=a.get("low"), max_value=a.get("high"))
        case "not_null":
            return gxe.ExpectColumnValuesToNotBeNull(column=a["column"])
        case "in_set":
            return gxe.ExpectColumnValuesToBeInSet(column=a["column"], value_set=a["values"])
        case "between":
            return gxe.ExpectColumnValuesToBeBetween(
                column=a["column"], min_value=a.get("low"), max_value=a.get("high")
            )
        case "at_least":
            return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=a["column"],
                column_B=a["other"],
                or_equal=True,
                ignore_row_if="either_value_is_missing",
            )
        case "column_sum":
            return gxe.ExpectColumnSumToBeBetween(
                column=a["column"], min_value=a.get("low"), max_value=a.get("high")
            )
    raise ValueError(f"No expectation of the kind {rule.kind}.")


def _outcome(
    check: Check, failures: list[tuple[str, int, tuple[str, ...]]], *, could_run: bool = True
) -> CheckOutcome:
    keys = tuple(dict.fromkeys(key for _, _, some in failures for key in some))[:MAX_FAILING_KEYS]
    words = "; ".join(f"{text} ({count} rows)" if count else text for text, count, _ in failures)
    return CheckOutcome(
        suite=check.suite,
        check=check.check,
        table=check.table,
        severity=check.severity,
        owner=check.owner,
        why=check.why,
        success=not failures,
        observed=words or "as expected: " + "; ".join(rule.in_words() for rule in check.expectations),
        failing_keys=keys,
        failed_count=sum(count for _, count, _ in failures),
        could_run=could_run,
        remedy=check.remedy,
    )


def _keys(rows: list[dict[str, Any]], check: Check) -> tuple[str, ...]:
    """Only the key columns: the rows also carry the value that failed, which may be personal."""
    return tuple("|".join(str(row.get(key)) for key in check.keys) for row in rows)


def _exception_message(info: Any) -> str | None:
    """Great Expectations tells an error either flat or per metric."""
    if not info:
        return None
    if "exception_message" in info:
        return str(info["exception_message"]) if info.get("raised_exception") else None
    for one in info.values():
        if isinstance(one, dict) and one.get("raised_exception"):
            return str(one.get("exception_message"))
    return None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")[:300]
