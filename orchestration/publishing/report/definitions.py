"""What every number on the pages means, in one place to point to.

Belongs here: gathering the definitions of metrics, tables and columns from the published file. Does not
belong here: the definitions themselves (dbt's descriptions and `dim_metrics` have them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.publishing.report.page import Page, column_anchor, metric_anchor


@dataclass(frozen=True)
class Entry:
    """One definition.

    Arguments:
        anchor: unique on the page.
        language: of the text: the published file is described in English.
    """

    anchor: str
    name: str
    text: str
    language: str
    details: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table and its columns."""

    entry: Entry
    columns: Sequence[Entry]


@dataclass(frozen=True)
class Definitions:
    metrics: Sequence[Entry]
    tables: Sequence[Table]


def collect(page: Page) -> Definitions:
    """Every metric of `dim_metrics`, and every published table with its columns."""
    comments = page.published.comments
    columns: dict[str, list[str]] = {}
    for row in page.published.rows(
        "select schema_name || '.' || table_name as full_name, column_name from duckdb_columns()"
        " where not internal order by schema_name, table_name, column_index"
    ):
        columns.setdefault(row["full_name"], []).append(row["column_name"])
    none = page.texts("definitions.none")
    tables = [
        Table(
            Entry(column_anchor(table), table, comments.get(table) or none, "en"),
            [
                Entry(column_anchor(f"{table}.{name}"), name, comments.get(f"{table}.{name}") or none, "en")
                for name in names
            ],
        )
        for table, names in columns.items()
    ]
    metrics = [_metric(page, row) for row in page.published.metrics.values()]
    return Definitions(sorted(metrics, key=lambda entry: entry.name.casefold()), tables)


def _metric(page: Page, row: dict[str, Any]) -> Entry:
    texts, formats = page.texts, page.formats
    metric_id = str(row["metric_id"])

    def said(part: str, text: Any) -> Any:
        return texts.published("metrics", metric_id, part, text)

    details = []
    if row["question"]:
        details.append(texts("definitions.question_is", text=said("question", row["question"])))
    if row["leaves_out"]:
        left_out = str(said("leaves_out", row["leaves_out"])).rstrip(".")
        details.append(texts("definitions.leaves_out", text=left_out))
    details.append(
        texts("definitions.owner", text=row["owner"]) if row["owner"] else texts("definitions.no_owner")
    )
    if row["target_value"] is not None:
        details.append(
            texts(
                "definitions.target",
                target=formats.of_unit(row["target_value"], row["unit"]),
                day=formats.day(row["target_on"]),
            )
        )
    if row["parent_metric_id"]:
        details.append(texts("definitions.parent", name=page.metric_name(str(row["parent_metric_id"]))))
    if row["source_table"]:
        details.append(texts("definitions.source", text=row["source_table"]))
    if row["decision_ref"]:
        details.append(texts("definitions.decision", text=row["decision_ref"]))
    is_translated = said("definition", None) is not None
    return Entry(
        metric_anchor(metric_id),
        page.metric_name(metric_id),
        said("definition", row["definition"] or ""),
        texts.language if is_translated else "en",
        details,
    )
