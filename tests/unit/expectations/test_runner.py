"""Arrival contracts and publication suites on a real DuckDB file, through Great Expectations."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from expectations.check import CheckOutcome
from expectations.contract import CONTRACTS, ENVELOPE, freshness_promise_hours
from expectations.mart_suite import REMEDY
from expectations.runner import list_checks, run_suites

NOW = datetime(2026, 10, 5, 6, 0)


@dataclass
class File:
    """A warehouse that counts how often its lock is held."""

    path: Path
    held: int = 0

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.held += 1
        yield

    def sql_address(self) -> tuple[str, dict[str, Any]]:
        return f"duckdb:///{self.path}", {"read_only": True}


def a_value(column: str, spec: object, row: int) -> str:
    """An SQL literal that keeps the promise of a contract's column."""
    promise = {"type": spec} if isinstance(spec, str) else dict(spec)  # type: ignore[call-overload]
    if "in" in promise:
        return f"'{promise['in'][row % len(promise['in'])]}'"
    if "between" in promise:
        return f"cast({promise['between'][1]} as {promise['type']})"
    return {
        "text": f"'{column} {row}'",
        "bigint": f"{row}",
        "double": f"{row}::double",
        "boolean": "false",
        "date": "date '2026-09-01'",
        "timestamp": f"timestamp '2026-09-01 00:00:00' + interval {row} minute",
    }[promise["type"]]


def write_source(connection: duckdb.DuckDBPyConnection, source: str, rows: int = 40) -> None:
    """A raw dataset that keeps its contract, as the pipeline would have loaded it an hour ago."""
    contract = yaml.safe_load((CONTRACTS / f"{source}.yml").read_text(encoding="utf-8"))
    dataset = f"raw_{source}"
    connection.execute(f"create schema {dataset}")
    connection.execute(f"create table {dataset}._dlt_loads (load_id text, status bigint)")
    connection.execute(f"insert into {dataset}._dlt_loads values ('1', 0), ('2', 0)")
    connection.execute(
        f"create table {dataset}.load_audit (_instance text, load_id text, completed_at timestamp)"
    )
    connection.execute(
        f"insert into {dataset}.load_audit values (?, '1', ?), (?, '2', ?)",
        [source, NOW - timedelta(days=1), source, NOW - timedelta(hours=1)],
    )
    for table, promise in contract["tables"].items():
        types = {**ENVELOPE, **({"_parent_version_id": "text"} if promise.get("parent") else {})}
        types |= {c: s if isinstance(s, str) else s["type"] for c, s in promise["columns"].items()}
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        connection.execute(f"create table {dataset}.{table} ({columns})")
        connection.execute(
            f"create table {dataset}.{table}_rejected (_instance text, _key text, reason text, payload text,"
            " _extracted_at timestamp, _dlt_load_id text)"
        )
        values = []
        for row in range(rows):
            envelope = {
                "_instance": f"'{source}'",
                "_key": f"'{row}'",
                "_version_id": f"'v{row}'",
                "_source_updated_at": "timestamp '2026-09-02'",
                "_extracted_at": "timestamp '2026-10-04 06:00:00'",
                "_dlt_load_id": "'1'",
                "_is_deleted": "false",
                "payload": "'{}'",
                "_parent_version_id": "'p'",
            }
            cells = {n: envelope.get(n) or a_value(n, promise["columns"][n], row) for n in types}
            values.append(f"({', '.join(cells.values())})")
        connection.execute(f"insert into {dataset}.{table} values {', '.join(values)}")


@pytest.fixture
def zendesk(tmp_path: Path) -> File:
    path = tmp_path / "work.duckdb"
    with duckdb.connect(path) as connection:
        write_source(connection, "zendesk")
    return File(path)


def change(file: File, *statements: str) -> None:
    with duckdb.connect(file.path) as connection:
        for statement in statements:
            connection.execute(statement)


def failed(outcomes: list[CheckOutcome]) -> dict[str, CheckOutcome]:
    return {outcome.check: outcome for outcome in outcomes if not outcome.success}


def test_listing_checks_does_not_import_great_expectations() -> None:
    script = (
        "import sys; from expectations.runner import list_checks; list_checks();"
        "print('great_expectations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_check_says_who_and_why_and_has_a_unique_name() -> None:
    checks = list_checks()
    assert all(check.owner and check.why and check.keys and check.remedy for check in checks)
    models = {path.stem for path in Path("dbt_project/models").rglob("*.sql")}
    written = [check for check in checks if check.layer == "marts"]
    assert [c.check for c in written if c.remedy == REMEDY.format(table=c.table)] == [], "each its own"
    named = {name for c in written for name in re.findall(r"\b(?:int|mart|fct|dim)_\w+\b", c.remedy)}
    assert named <= models
    assert len({(check.layer, check.suite, check.check) for check in checks}) == len(checks)
    assert {check.suite for check in checks if check.layer == "raw"} == set(freshness_promise_hours())


def test_sources_that_are_off_bring_no_checks() -> None:
    checks = list_checks(sources=["jira"])
    assert {check.suite for check in checks if check.layer == "raw"} == {"jira"}
    names = {(check.suite, check.check) for check in checks if check.layer == "marts"}
    assert ("zendesk", "tickets_match") not in names
    assert ("jira", "work_items_match") in names


@pytest.mark.parametrize(
    ("sources", "read"),
    [(["mixpanel"], {"mixpanel"}), (["amplitude", "posthog"], {"amplitude", "posthog"}), (["jira"], set())],
)
def test_a_check_reads_those_of_several_sources_that_are_on(sources: list[str], read: set[str]) -> None:
    checks = {check.check: check for check in list_checks("marts", sources=sources)}
    found = checks.get("active_people_sent_events")
    assert (found is not None) == bool(read)
    known = {"mixpanel", "amplitude", "posthog"}
    assert {name for name in known if found is not None and f"raw_{name}." in found.query} == read


def test_every_contract_holds_on_data_that_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "work.duckdb"
    with duckdb.connect(path) as connection:
        for source in freshness_promise_hours():
            write_source(connection, source)
    file = File(path)
    outcomes = run_suites("raw", file, now=NOW)
    assert failed(outcomes) == {}
    assert file.held == 1
    # The file is closed again: another process (here: a second configuration) can write.
    with duckdb.connect(path) as connection:
        connection.execute("create table main.proof as select 1 as one")


def test_broken_promises_fail_and_name_keys_but_no_values(zendesk: File) -> None:
    change(
        zendesk,
        "update raw_zendesk.tickets set status = 'ana@customer.example' where _key = '3'",
        "update raw_zendesk.tickets set requester_id = null where _key in ('5', '6')",
        "update raw_zendesk.tickets set priority = 'whenever' where _key = '7'",
        "alter table raw_zendesk.users drop column role",
        "alter table raw_zendesk.groups alter column name type bigint using 1",
    )
    outcomes = run_suites("raw", zendesk, now=NOW, names=["zendesk"])
    found = failed(outcomes)
    assert set(found) == {
        "tickets__values", "tickets__values_warn", "users__columns", "users__values", "groups__columns"
    }  # fmt: skip
    tickets = found["tickets__values"]
    assert set(tickets.failing_keys) == {"zendesk|3", "zendesk|5", "zendesk|6"}
    assert tickets.failed_count == 3
    assert tickets.severity == "block" and found["tickets__values_warn"].severity == "warn"
    assert found["users__columns"].failing_keys == ("role",)
    assert not found["users__values"].could_run
    assert not any("customer.example" in str(outcome) for outcome in outcomes)


def test_only_the_latest_living_version_of_completed_loads_is_judged(zendesk: File) -> None:
    copy = (
        "insert into raw_zendesk.tickets select * replace ({}) from raw_zendesk.tickets"
        " where _key = '{}' limit 1"
    )
    change(
        zendesk,
        # A bad version that a later one mended, a bad one of a load that never completed, and a tombstone.
        "update raw_zendesk.tickets set requester_id = null where _key in ('1', '3')",
        copy.format(
            "'ok' as requester_id, 'v1b' as _version_id, timestamp '2026-09-03' as _source_updated_at", 1
        ),
        copy.format("null as requester_id, 'v2b' as _version_id, '99' as _dlt_load_id", 2),
        copy.format(
            "true as _is_deleted, 'v3b' as _version_id, timestamp '2026-09-03' as _source_updated_at", 3
        ),
    )
    assert failed(run_suites("raw", zendesk, now=NOW, names=["zendesk"])) == {}


def test_a_version_that_one_load_brought_twice_fails(zendesk: File) -> None:
    change(zendesk, "insert into raw_zendesk.tickets select * from raw_zendesk.tickets where _key = '4'")
    found = failed(run_suites("raw", zendesk, now=NOW, names=["zendesk"]))
    assert found["tickets__keys"].failing_keys == ("zendesk|4",)


def test_a_sudden_fall_of_living_keys_fails_the_volume(zendesk: File) -> None:
    change(
        zendesk,
        "insert into raw_zendesk.tickets select * replace (true as _is_deleted,"
        " _version_id || 'd' as _version_id, '2' as _dlt_load_id,"
        " timestamp '2026-10-05 05:00:00' as _extracted_at,"
        " timestamp '2026-10-04' as _source_updated_at) from raw_zendesk.tickets where _key::int < 20",
    )
    found = failed(run_suites("raw", zendesk, now=NOW, names=["zendesk"]))
    assert set(found) == {"tickets__volume"}
    assert found["tickets__volume"].severity == "block"


def test_data_older_than_promised_is_told(zendesk: File) -> None:
    found = failed(run_suites("raw", zendesk, now=NOW + timedelta(hours=30), names=["zendesk"]))
    assert set(found) == {"freshness"}
    assert found["freshness"].severity == "warn"


def test_every_connection_keeps_the_promise_for_itself(zendesk: File) -> None:
    change(zendesk, "insert into raw_zendesk.load_audit values ('zendesk_emea', '2', timestamp '2026-10-01')")
    found = failed(run_suites("raw", zendesk, now=NOW, names=["zendesk"]))
    assert found["freshness"].failing_keys == ("zendesk_emea",)
    assert found["freshness"].remedy
    # One that is off promises nothing; one that never loaded does.
    on = {"zendesk": ["zendesk", "zendesk_new"]}
    found = failed(run_suites("raw", zendesk, now=NOW, names=["zendesk"], instances=on))
    assert found["freshness"].failing_keys == ("zendesk_new",)


def test_rows_that_the_last_day_could_not_read_are_told_by_key(zendesk: File) -> None:
    row = "'zendesk', ?, 'tickets.created_at: no timestamp', '{}', ?, '1'"
    with duckdb.connect(zendesk.path) as connection:
        for key, days in (("9", 0), ("8", 3)):
            connection.execute(
                f"insert into raw_zendesk.tickets_rejected values ({row})", [key, NOW - timedelta(days=days)]
            )
    found = failed(run_suites("raw", zendesk, now=NOW, names=["zendesk"]))
    assert set(found) == {"tickets__readable"}
    assert found["tickets__readable"].failing_keys == ("zendesk|9",)


@pytest.mark.parametrize("source", sorted(freshness_promise_hours()))
def test_a_vendors_object_that_looks_otherwise_is_told_for_every_table_of_every_source(
    source: str, tmp_path: Path
) -> None:
    path = tmp_path / "work.duckdb"
    with duckdb.connect(path) as connection:
        write_source(connection, source)
        promises = yaml.safe_load((CONTRACTS / f"{source}.yml").read_text(encoding="utf-8"))["tables"]
        tables = [name for name, promise in promises.items() if a_column_read(promise)]
        for table in tables:
            name = f"raw_{source}.{table}"
            column, field = a_column_read(promises[table])
            old = json.dumps({"old": 1, "odd": [1], **nested(field, ["a"])})
            new = json.dumps({"new": 1, "odd": "1", **nested(field, "a")})
            connection.execute(f"update {name} set payload = ?", [old])
            connection.execute(
                f"insert into {name} select * replace (_key || 'n' as _key,"
                f" _version_id || 'n' as _version_id, ? as payload,"
                f" timestamp '2026-10-05 06:00:01' as _extracted_at) from {name}",
                [new],
            )
    found = failed(run_suites("raw", File(path), now=NOW, names=[source]))
    for table in tables:
        fields, others = found[f"{table}__fields"], found[f"{table}__other_fields"]
        column, field = a_column_read(promises[table])
        assert f"of another type: {field} (list before, text now), read into " in fields.observed
        assert column in fields.observed
        assert (fields.severity, fields.failing_keys) == ("warn", (field,))
        assert (others.severity, others.failing_keys) == ("notice", ("old", "odd", "new"))
        assert fields.remedy and others.remedy


def a_column_read(promise: dict[str, Any]) -> Any:
    """A column of a contract and the field that it is read from; None where there is none."""
    fields = {column: column for column in promise["columns"]} | promise.get("fields", {})
    named = ((column, field) for column, field in fields.items() if field and "*" not in field)
    return None if promise.get("parent") else next(named, None)


def nested(field: str, value: Any) -> dict[str, Any]:
    holder, _, name = field.rpartition(".")
    return {holder: {name: value}} if holder else {name: value}


def test_a_day_with_far_too_few_events_fails_the_volume(tmp_path: Path) -> None:
    path = tmp_path / "work.duckdb"
    with duckdb.connect(path) as connection:
        write_source(connection, "mixpanel", rows=1)
        for day in [date(2026, 10, 4) - timedelta(days=7 * n) for n in range(5)]:
            count = 20 if day == date(2026, 10, 4) else 150
            connection.execute(
                "insert into raw_mixpanel.events"
                " select e.* replace (e._key || ? || range as _key, ?::timestamp as occurred_at)"
                " from raw_mixpanel.events as e, range(?) where e._key = '0'",
                [str(day), day, count],
            )
    outcomes = run_suites("raw", File(path), now=NOW, names=["mixpanel"])
    assert set(failed(outcomes)) == {"events__volume"}


def test_a_suite_that_does_not_exist_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"contracts/nope\.yml"):
        list_checks("raw", names=["nope"])


def test_revenue_that_does_not_add_up_holds_back_its_table(tmp_path: Path) -> None:
    path = tmp_path / "work.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create schema metric")
        connection.execute(
            """create table metric.mart_metric__mrr_monthly as
            select date '2026-08-01' as month_start_on, segment, 100.0 as opening_mrr_amount,
              10.0 as new_amount,
              0.0 as reactivation_amount, 5.0 as expansion_amount, 2.0 as contraction_amount,
              3.0 as churn_amount,
              0.0 as segment_transfer_amount, 0.0 as fx_restatement_amount, closing_mrr_amount,
              0.9 as grr_1m_ratio, 0.9 as grr_3m_ratio, 0.8 as grr_12m_ratio, 0.95 as nrr_12m_ratio
            from (values ('all', 110.0), ('smb', 110.01)) as t (segment, closing_mrr_amount)"""
        )
    outcomes = run_suites("marts", File(path), now=NOW, names=["metric"])
    found = failed(outcomes)
    broken = found["mrr_movements_add_up"]
    assert broken.failing_keys == ("2026-08-01|smb",)
    assert broken.table == "metric.mart_metric__mrr_monthly" and broken.severity == "block"
    assert "retention_stays_in_bounds" not in found
    # What could not be looked at counts as failed, and says so.
    assert not found["mrr_movements_match_monthly"].could_run
