"""Reads a published file for the pages.

Belongs here: queries, and what the file says about itself (which tables it has, what their columns mean).
Does not belong here: anything about how a page looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pandas as pd

from orchestration.publishing.publication import Publication, PublishedTable

# What fills a table, for a page that finds it missing or empty: the key of a text.
FILLED_BY = {
    "metric.fct_tickets": "support",
    "metric.fct_deals": "crm",
    "metric.dim_accounts": "crm",
    "metric.fct_mrr_daily": "crm_revenue",
    "metric.fct_mrr_movements": "crm_revenue",
    "metric.mart_metric__mrr_monthly": "crm_revenue",
    "metric.mart_metric__active_daily": "analytics",
    "metric.mart_metric__daily": "any_source",
    "metric.dim_metrics": "governance_metrics",
    "insight.fct_feedback": "feedback",
    "delivery.fct_work_items": "delivery",
    "delivery.fct_status_spans": "delivery",
    "delivery.fct_sprints": "sprints",
    "delivery.fct_releases": "releases",
    "delivery.dim_deliveries": "governance_deliveries",
    "governance.mart_governance__traceability": "delivery",
    "governance.mart_governance__data_health": "any_source",
}


class Published:
    """A published file, opened read-only; use as a context manager."""

    def __init__(self, database: Path, publication: Publication) -> None:
        self.publication = publication
        self._connection = duckdb.connect(str(database), read_only=True)
        self._connection.execute("set TimeZone = 'UTC'")

    def __enter__(self) -> Published:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def frame(self, query: str, *parameters: Any) -> pd.DataFrame:
        """The rows of a query as a data frame."""
        return self._connection.execute(query, list(parameters)).df()

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query, as Python values."""
        cursor = self._connection.execute(query, list(parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def row(self, query: str, *parameters: Any) -> dict[str, Any]:
        """The only row of a query."""
        return self.rows(query, *parameters)[0]

    @cached_property
    def _row_counts(self) -> dict[str, int]:
        return {table.full_name: table.rows for table in self.publication.tables}

    def missing(self, tables: Iterable[str]) -> list[str]:
        """Those of the tables that are not there, or have no row."""
        return [table for table in tables if not self._row_counts.get(table)]

    def held_back(self, tables: Iterable[str]) -> list[PublishedTable]:
        """Those of the tables that show an older state."""
        wanted = set(tables)
        return [table for table in self.publication.held_back() if table.full_name in wanted]

    @cached_property
    def comments(self) -> dict[str, str]:
        """`<schema>.<table>` and `<schema>.<table>.<column>` -> what it means."""
        tables = self._connection.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() where comment is not null"
        ).fetchall()
        columns = self._connection.execute(
            "select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()"
            " where comment is not null"
        ).fetchall()
        return dict(tables + columns)

    @cached_property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """metric_id -> its row of dim_metrics; empty where there is none."""
        if self.missing(["metric.dim_metrics"]):
            return {}
        return {
            row["metric_id"]: row for row in self.rows("select * from metric.dim_metrics order by metric_id")
        }

    @cached_property
    def currency(self) -> str | None:
        """The reporting currency."""
        for table in ("metric.mart_metric__mrr_monthly", "metric.dim_accounts"):
            if not self.missing([table]):
                found = self.row(f"select max(currency) as currency from {table}")["currency"]
                if found:
                    return str(found)
        return None

    @cached_property
    def last_complete_day(self) -> date:
        """The last day (of the company's time zone) that is over: comparisons end there."""
        if not self.missing(["metric.dim_dates"]):
            day = self.row("select max(date_on) as date_on from metric.dim_dates where is_complete")[
                "date_on"
            ]
            if isinstance(day, date):
                return day
        return date.fromordinal(self.now.date().toordinal() - 1)

    @property
    def now(self) -> datetime:
        """The moment of the publication, naive UTC."""
        return self.publication.published_at
