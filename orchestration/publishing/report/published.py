"""Reads a published file for the pages.

Belongs here: queries, what the file says about itself (which tables it has, what their columns mean), and
taming the texts that come from outside. Does not belong here: anything about how a page looks.
"""

from __future__ import annotations

import re
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
    "metric.mart_metric__activation": "activation",
    "metric.mart_metric__retention_cohorts": "analytics",
    "metric.mart_metric__feature_adoption": "adoption",
    "metric.mart_metric__pipeline": "crm",
    "metric.mart_metric__pipeline_daily": "crm",
    "metric.mart_metric__support_performance": "support",
    "metric.mart_metric__support_by_theme": "support",
    "metric.mart_metric__support_by_account": "support",
    "insight.fct_feedback": "feedback",
    "insight.dim_themes": "governance_themes",
    "insight.fct_feedback_themes": "governance_themes",
    "insight.mart_insight__voice_of_customer": "feedback",
    "insight.mart_insight__theme_weekly": "governance_themes",
    "insight.mart_insight__theme_daily": "governance_themes",
    "insight.mart_insight__theme_quality": "governance_themes",
    "insight.mart_insight__opportunities": "governance_themes",
    "insight.mart_insight__loop_closure": "loops",
    "insight.mart_insight__account_health": "health",
    "insight.mart_insight__identity_audit": "any_source",
    "delivery.fct_work_items": "delivery",
    "delivery.fct_status_spans": "delivery",
    "delivery.fct_sprints": "sprints",
    "delivery.fct_releases": "releases",
    "delivery.dim_deliveries": "governance_deliveries",
    "delivery.mart_delivery__flow_daily": "delivery",
    "delivery.mart_delivery__flow_weekly": "delivery",
    "delivery.mart_delivery__investment": "delivery",
    "impact.fct_delivery_impact": "impact",
    "impact.fct_delivery_impact_weekly": "impact",
    "impact.mart_impact__key_result_attribution": "governance_key_results",
    "impact.mart_impact__decisions": "governance_decisions",
    "impact.mart_impact__key_results": "governance_key_results",
    "impact.mart_impact__release_marks": "releases",
    "governance.mart_governance__traceability": "delivery",
    "governance.mart_governance__roadmap_evidence": "delivery",
    "governance.mart_governance__process_health": "any_source",
    "governance.mart_governance__reconciliation": "support",
    "governance.mart_governance__data_health": "any_source",
}


# Longer names are no names: they would push everything else off the page.
LONGEST_TEXT = 160
LONGEST_ADDRESS = 2_000
# Control characters, and marks that turn the direction of the text that follows them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def tamed(text: str) -> str:
    """A text from outside as it may stand on a page: one line, of bearable length, without hidden marks."""
    text = " ".join(_UNSEEN.sub("", text).split())
    if text.startswith(("http://", "https://")):
        return text[:LONGEST_ADDRESS]
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1].rstrip() + "…"


class Published:
    """A published file, opened read-only; use as a context manager."""

    def __init__(self, database: Path, publication: Publication) -> None:
        self.publication = publication
        self._connection = duckdb.connect(str(database), read_only=True)
        self._connection.execute("set TimeZone = 'UTC'")
        # Every language asks the same.
        self._frames: dict[tuple[Any, ...], pd.DataFrame] = {}
        self._rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}

    def __enter__(self) -> Published:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def frame(self, query: str, *parameters: Any) -> pd.DataFrame:
        """The rows of a query as a data frame, texts tamed."""
        key = (query, parameters)
        if key not in self._frames:
            frame = self._connection.execute(query, list(parameters)).df()
            for column in frame.columns:
                if not pd.api.types.is_numeric_dtype(frame[column]):
                    frame[column] = frame[column].map(_tamed_value)
            self._frames[key] = frame
        return self._frames[key].copy()

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query, as Python values, texts tamed."""
        key = (query, parameters)
        if key not in self._rows:
            cursor = self._connection.execute(query, list(parameters))
            names = [column[0] for column in cursor.description or []]
            self._rows[key] = [
                {name: _tamed_value(value) for name, value in zip(names, row, strict=True)}
                for row in cursor.fetchall()
            ]
        return [dict(row) for row in self._rows[key]]

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
        # Definitions are the company's own sentences, and longer than names.
        cursor = self._connection.execute("select * from metric.dim_metrics order by metric_id")
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        short = {"metric_id", "metric_name", "owner", "unit", "source_table", "parent_metric_id"}
        return {
            str(row["metric_id"]): {
                name: _tamed_value(value) if name in short else value for name, value in row.items()
            }
            for row in rows
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


def _tamed_value(value: Any) -> Any:
    return tamed(value) if isinstance(value, str) else value
