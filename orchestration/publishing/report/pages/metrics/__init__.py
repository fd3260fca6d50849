"""Metrics: revenue and its movements, retention, use, sales, support, and all of them in one table.

One module per group of sections; this one puts them in their order.
"""

from __future__ import annotations

from typing import Any

from orchestration.publishing.report.page import Page, Part
from orchestration.publishing.report.pages.metrics.pipeline import PIPELINE, PIPELINE_DAILY, pipeline
from orchestration.publishing.report.pages.metrics.revenue import MONTHLY, retention, revenue
from orchestration.publishing.report.pages.metrics.support import SUPPORT, support
from orchestration.publishing.report.pages.metrics.use import (
    ACTIVATION,
    ACTIVE,
    COHORTS,
    FEATURES,
    activation,
    cohorts,
    features,
    use,
)
from orchestration.publishing.report.standing import standings
from orchestration.publishing.report.tables import Column
from orchestration.publishing.report.words import change_cell, metric_cell, owner_cell


def build(page: Page) -> None:
    page.section("revenue", [MONTHLY], lambda: revenue(page))
    page.section("retention", [MONTHLY], lambda: retention(page))
    page.section("use", [ACTIVE], lambda: use(page))
    page.section("activation", [ACTIVATION], lambda: activation(page))
    page.section("cohorts", [COHORTS], lambda: cohorts(page))
    page.section("features", [FEATURES], lambda: features(page), lead=page.t("features.lead"))
    page.section("pipeline", [PIPELINE, PIPELINE_DAILY], lambda: pipeline(page))
    page.section("support", [SUPPORT, "metric.fct_tickets"], lambda: support(page))
    page.section(
        "all",
        ["metric.dim_metrics", "metric.mart_metric__daily"],
        lambda: _all(page),
        lead=page.t("all.lead"),
    )


def _all(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = list(standings(page.published).values())

    def value(row: Any) -> str:
        return t(".too_few") if row.is_too_few else formats.of_unit(row.value, row.unit)

    columns: list[Column] = [
        Column(
            t("all.metric"),
            lambda row: metric_cell(page, row),
        ),
        Column(
            t("all.now"), value, is_number=True, definition=page.column("metric.mart_metric__daily.value")
        ),
        Column(t("all.change"), lambda row: change_cell(page, row), is_wide_only=True),
        Column(
            t("all.target"),
            lambda row: formats.of_unit(row.target, row.unit),
            is_number=True,
            definition=page.column("metric.dim_metrics.target_value"),
        ),
        Column(
            t("all.owner"),
            lambda row: owner_cell(page, row.owner),
            is_wide_only=True,
        ),
    ]
    return [page.table("all", columns, rows, note=t("all.note"))]
