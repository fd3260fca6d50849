"""Governance: on what ground the work stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import AMBER, BLUE, GREY, TEAL
from orchestration.publishing.report.page import Figure, Notice, Page, Part, Point, Points, Tile, Tiles
from orchestration.publishing.report.pages.delivery import team_names
from orchestration.publishing.report.tables import Column, badge, muted

_TABLE = "governance.mart_governance__traceability"
LABELS = {"evidence-backed": TEAL, "metric-backed": BLUE, "mandated": GREY, "opinion": AMBER}
BADGES = {"evidence-backed": "good", "metric-backed": "plain", "mandated": "plain", "opinion": "warn"}


def build(page: Page) -> None:
    page.section("ground", [_TABLE], lambda: _ground(page), lead=page.t("ground.lead"))
    page.section("under_way", [_TABLE], lambda: _under_way(page), lead=page.t("under_way.lead"))
    page.section("gaps", ["metric.dim_metrics"], lambda: _gaps(page))


def shares(page: Page) -> dict[str, float]:
    """Share of people-days by label, of what is under way or was delivered in the last twelve months."""
    rows = page.published.rows(
        f"select evidence_label, sum(people_days) as people_days from {_TABLE} where work_item_level = 'epic'"
        " and (status = 'in_progress' or (status = 'delivered' and released_at >= ?)) group by 1",
        page.today - timedelta(days=365),
    )
    total = sum(float(row["people_days"] or 0) for row in rows)
    return {row["evidence_label"]: float(row["people_days"] or 0) / total for row in rows} if total else {}


def _ground(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    frame = page.published.frame(
        f"select * from {_TABLE} where work_item_level = 'epic' and (status <> 'delivered' or"
        " released_at >= ?)",
        page.today - timedelta(days=365),
    )
    if frame.empty:
        return [Notice(t("ground.none"))]
    frame["people_days"] = frame["people_days"].astype(float).fillna(0)
    by_days = shares(page)
    on_evidence = by_days.get("evidence-backed", 0) + by_days.get("metric-backed", 0)
    tiles = Tiles(
        [
            Tile(
                t("ground.evidence_days"),
                formats.percent(on_evidence if by_days else None, 0),
                t("ground.evidence_days_detail"),
                definition=page.column(f"{_TABLE}.evidence_label"),
            ),
            Tile(
                t("ground.opinion_days"),
                formats.percent(by_days.get("opinion", 0.0) if by_days else None, 0),
                t("ground.opinion_days_detail"),
            ),
            Tile(t("ground.items"), formats.number(len(frame)), t("ground.items_detail")),
            Tile(
                t("ground.no_owner"),
                formats.number((~frame["has_owner"].astype(bool)).sum()),
                t("ground.no_owner_detail"),
            ),
        ]
    )
    rows: list[dict[str, Any]] = []

    def add(label: str, part: pd.DataFrame, weights: pd.Series) -> None:
        total = float(weights.sum())
        for name in LABELS:
            mine = float(weights[part["evidence_label"] == name].sum())
            if total and mine:
                rows.append(
                    {"row": label, "share": mine / total, "label": page.texts.label("evidence", name)}
                )

    add(t("ground.by_items"), frame, pd.Series(1.0, index=frame.index))
    add(t("ground.by_days"), frame, frame["people_days"])
    for status in ("delivered", "in_progress", "planned"):
        part = frame[frame["status"] == status]
        add(page.texts.label("statuses", status), part, pd.Series(1.0, index=part.index))
    colours = {page.texts.label("evidence", name): colour for name, colour in LABELS.items()}
    title = t("ground.title_chart")
    parts: list[Part] = [
        tiles,
        Figure(
            title,
            page.charts.shares(
                pd.DataFrame(rows), row="row", share="share", colour="label", colours=colours, describe=title
            ),
            t("ground.note"),
            page.column(f"{_TABLE}.evidence_label"),
        ),
    ]
    teams = team_names(page)
    rows = []
    for team, part in frame.groupby("team_id", dropna=False, sort=True):
        name = teams.get(str(team), "–" if team != team or team is None else str(team))
        add(name, part, part["people_days"])
    if rows:
        title = t("ground.by_team")
        parts.append(
            Figure(
                title,
                page.charts.shares(
                    pd.DataFrame(rows),
                    row="row",
                    share="share",
                    colour="label",
                    colours=colours,
                    describe=title,
                ),
                t("ground.by_team_note"),
            )
        )
    return parts


def _under_way(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    rows = page.published.rows(
        f"select * from {_TABLE} where status = 'in_progress' and work_item_level = 'epic'"
        " order by evidence_label = 'opinion' desc, people_days desc nulls last, work_item_key limit 20"
    )
    if not rows:
        return [Notice(t("under_way.none"))]
    columns = [
        Column(t("under_way.item"), lambda row: row["work_item_key"]),
        Column(
            t("under_way.team"),
            lambda row: teams.get(row["team_id"], row["team_id"] or "–"),
            is_wide_only=True,
        ),
        Column(
            t("under_way.label"),
            lambda row: badge(
                page.texts.label("evidence", row["evidence_label"]),
                BADGES.get(row["evidence_label"], "plain"),
            ),
        ),
        Column(
            t("under_way.accounts"), lambda row: formats.number(row["feedback_account_count"]), is_number=True
        ),
        Column(
            t("under_way.arr"),
            lambda row: formats.money(row["feedback_arr_amount"]),
            is_number=True,
            is_wide_only=True,
        ),
        Column(
            t("under_way.links"),
            lambda row: _links(page, row),
            is_wide_only=True,
        ),
        Column(
            t("under_way.owner"),
            lambda row: _owner(page, row),
            is_wide_only=True,
        ),
        Column(t("under_way.days"), lambda row: formats.number(row["people_days"], 1), is_number=True),
    ]
    return [
        page.table(
            "under-way",
            columns,
            rows,
            note=t("under_way.note"),
            definition=page.column(f"{_TABLE}.people_days"),
        )
    ]


def _owner(page: Page, row: dict[str, Any]) -> str | Markup:
    if row["owner"]:
        return str(row["owner"])
    # An epic without a governed owner may still be somebody's in Jira; people are published as keys only.
    return (
        muted(page.t("under_way.assignee")) if row["has_owner"] else badge(page.t("under_way.nobody"), "warn")
    )


def _links(page: Page, row: dict[str, Any]) -> str | Markup:
    linked = [
        page.texts.plural(f"governance.under_way.{what}", count)
        for what, count in (
            ("metrics", row["metric_count"]),
            ("key_results", row["key_result_count"]),
            ("decisions", row["decision_count"]),
        )
        if count
    ]
    return ", ".join(linked) or muted(page.t("under_way.no_links"))


def _gaps(page: Page) -> list[Part]:
    t = page.t
    metrics = list(page.published.metrics.values())
    no_owner = [page.metric_name(row["metric_id"]) for row in metrics if not row["owner"]]
    no_target = [page.metric_name(row["metric_id"]) for row in metrics if row["target_value"] is None]
    points = []
    if no_owner:
        points.append(
            Point(page.texts.plural("governance.gaps.no_owner", len(no_owner)), ", ".join(no_owner) + ".")
        )
    if no_target:
        points.append(
            Point(page.texts.plural("governance.gaps.no_target", len(no_target)), ", ".join(no_target) + ".")
        )
    if not page.published.missing(["delivery.dim_deliveries"]):
        unmeasured = page.published.rows(
            "select delivery_name from delivery.dim_deliveries where status = 'released'"
            " and coalesce(metric_ids, '') = '' order by delivery_name"
        )
        if unmeasured:
            names = page.names([str(row["delivery_name"]) for row in unmeasured])
            points.append(Point(page.texts.plural("governance.gaps.no_metric", len(unmeasured)), names + "."))
    if not points:
        return [Notice(t("gaps.none"))]
    return [Points(points)]
