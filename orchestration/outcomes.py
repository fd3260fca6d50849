"""What the build found out about itself: outcomes of checks, and publications.

Belongs here: these two raw tables and how their rows are made. Does not belong here: loading them (the
ingestion does, as it loads everything made in Python) and judging them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from expectations.check import CheckOutcome
from ingestion.pipeline import append_tables
from ingestion.source import ColumnType
from ingestion.warehouse import Warehouse
from orchestration.alerts.rules import CheckState
from orchestration.gate import Fault
from orchestration.publishing.publication import Publication

DATASET = "raw_norte"
CHECK_OUTCOMES: dict[str, ColumnType] = {
    "run_id": "text",
    "checked_at": "timestamp",
    "layer": "text",
    "suite": "text",
    "check_name": "text",
    "subject_type": "text",
    "subject": "text",
    "severity": "text",
    "is_success": "boolean",
    "failed_count": "bigint",
    "message": "text",
}
PUBLICATIONS: dict[str, ColumnType] = {
    "publication_id": "text",
    "published_at": "timestamp",
    "table_schema": "text",
    "table_name": "text",
    "is_held_back": "boolean",
    "held_back_since": "timestamp",
    "reason": "text",
    "data_as_of": "timestamp",
}
TABLES: dict[str, dict[str, ColumnType]] = {"check_outcomes": CHECK_OUTCOMES, "publications": PUBLICATIONS}


@dataclass(frozen=True)
class Outcome:
    """How one check ended, of whatever kind it is.

    Arguments:
        layer: `raw` (arrival), `dbt` (data tests), `enrichment` (engines), `marts` (publication).
        subject: `<schema>.<table>`.
    """

    layer: Literal["raw", "dbt", "enrichment", "marts"]
    suite: str
    check: str
    subject: str
    severity: Literal["block", "warn", "notice"]
    owner: str
    passed: bool
    failed_count: int = 0
    message: str = ""
    why: str = ""
    failing_keys: tuple[str, ...] = ()
    remedy: str = ""

    @classmethod
    def of_suite(cls, layer: Literal["raw", "marts"], outcome: CheckOutcome) -> Outcome:
        """From a suite's outcome."""
        return cls(
            layer=layer,
            suite=outcome.suite,
            check=outcome.check,
            subject=outcome.table,
            severity=outcome.severity,
            owner=outcome.owner,
            passed=outcome.success,
            failed_count=outcome.failed_count,
            message=outcome.observed,
            why=outcome.why,
            failing_keys=outcome.failing_keys,
            remedy=outcome.remedy,
        )

    def as_fault(self) -> Fault | None:
        """What it holds back: nothing unless it is a `block` that failed."""
        if self.passed or self.severity != "block":
            return None
        return Fault(self.subject, f"the check {self.check} failed ({self.message or 'see its log'})")

    def as_state(self) -> CheckState:
        """For the alerts."""
        return CheckState(
            name=self.check,
            subject=self.subject,
            owner=self.owner,
            severity=self.severity,
            passed=self.passed,
            why=self.why,
            message=self.message,
            failed_count=self.failed_count,
            failing_keys=self.failing_keys,
            remedy=self.remedy,
        )


def make_tables(warehouse: Warehouse, pipelines_dir: Path) -> None:
    """The two tables, empty where they do not exist yet: dbt reads them from its first run on."""
    with warehouse.open(who="the build") as session:
        there = session.columns(DATASET)
    if not there.keys() >= TABLES.keys():
        append_tables(DATASET, TABLES, {}, warehouse=warehouse, pipelines_dir=pipelines_dir)


def record_outcomes(
    outcomes: Sequence[Outcome], *, run_id: str, warehouse: Warehouse, pipelines_dir: Path, now: datetime
) -> None:
    """Appends the outcomes of a run."""
    rows = [
        {
            "run_id": run_id,
            "checked_at": _naive(now),
            "layer": outcome.layer,
            "suite": outcome.suite,
            "check_name": outcome.check,
            "subject_type": "raw_table" if outcome.subject.startswith("raw_") else "mart",
            "subject": outcome.subject,
            "severity": outcome.severity,
            "is_success": outcome.passed,
            "failed_count": outcome.failed_count,
            "message": outcome.message,
        }
        for outcome in outcomes
    ]
    append_tables(DATASET, TABLES, {"check_outcomes": rows}, warehouse=warehouse, pipelines_dir=pipelines_dir)


def record_publication(
    rows: Iterable[Mapping[str, Any]], *, warehouse: Warehouse, pipelines_dir: Path
) -> None:
    """Appends what was published and what was held back."""
    append_tables(
        DATASET, TABLES, {"publications": list(rows)}, warehouse=warehouse, pipelines_dir=pipelines_dir
    )


def publication_rows(publication: Publication, now: datetime) -> list[dict[str, Any]]:
    """What a publication published and what it held back, a row a table."""
    moment = _naive(now)
    return [
        {
            "publication_id": publication.id,
            "published_at": moment,
            "table_schema": table.schema,
            "table_name": table.name,
            "is_held_back": table.is_held_back,
            "held_back_since": table.since,
            "reason": table.reason,
            "data_as_of": table.since if table.is_held_back else publication.data_as_of,
        }
        for table in publication.tables
    ] + [
        {
            "publication_id": publication.id,
            "published_at": moment,
            "table_schema": table.schema,
            "table_name": table.name,
            "is_held_back": True,
            "reason": table.reason,
        }
        for table in publication.left_out
    ]


def failed_arrivals(run_id: str, warehouse: Warehouse) -> list[Fault]:
    """The arrival checks that block: those of this run, or of the last one that had any."""
    with warehouse.open(who="the build") as session:
        rows = session.rows(
            f"""
            select subject, check_name, message from {DATASET}.check_outcomes
            where layer = 'raw' and severity = 'block' and not is_success and run_id = (
                select run_id from {DATASET}.check_outcomes where layer = 'raw'
                order by run_id = $run_id desc, checked_at desc, {session.arrival_order} desc limit 1
            )
            """,
            {"run_id": run_id},
        )
    return [Fault(subject, f"the check {name} failed ({message})") for subject, name, message in rows]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
