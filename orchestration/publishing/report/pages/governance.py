"""Governance: on what ground the work stands, what awaits a decision, and how well we decide and measure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.drawing import AMBER, BLUE, GREY, TEAL
from orchestration.publishing.report.page import (
    Figure,
    Notice,
    Page,
    Part,
    Point,
    Points,
    Prose,
    Tile,
    Tiles,
)
from orchestration.publishing.report.pages.delivery import team_names
from orchestration.publishing.report.tables import Column, badge, muted
from orchestration.publishing.report.words import owner_cell

_TABLE = "governance.mart_governance__traceability"
_EVIDENCE = "governance.mart_governance__roadmap_evidence"
_PROCESS = "governance.mart_governance__process_health"
_RECONCILIATION = "governance.mart_governance__reconciliation"
DECISIONS = "impact.mart_impact__decisions"
_GROUNDED = ("evidence-backed", "metric-backed")
LABELS = {"evidence-backed": TEAL, "metric-backed": BLUE, "mandated": GREY, "opinion": AMBER}
BADGES = {"evidence-backed": "good", "metric-backed": "plain", "mandated": "plain", "opinion": "warn"}


def build(page: Page) -> None:
    page.section("over_time", [_EVIDENCE], lambda: _over_time(page))
    page.section("ground", [_TABLE], lambda: _ground(page), lead=page.t("ground.lead"))
    page.section("under_way", [_TABLE], lambda: _under_way(page), lead=page.t("under_way.lead"))
    page.section("due", [DECISIONS], lambda: _due(page))
    page.section("process", [_PROCESS], lambda: _process(page))
    page.section("gaps", ["metric.dim_metrics"], lambda: _gaps(page))
    page.section("reconciliation", [_RECONCILIATION], lambda: _reconciliation(page))


def shares(page: Page) -> dict[str, float]:
    """Share of people-days by label, of what is under way or was delivered in the last twelve months."""
    rows = page.published.rows(
        f"select evidence_label, sum(people_days) as people_days from {_TABLE} where work_item_level = 'epic'"
        " and (status = 'in_progress' or (status = 'delivered' and released_on > ?)) group by 1",
        page.today - timedelta(days=365),
    )
    total = sum(float(row["people_days"] or 0) for row in rows)
    return {row["evidence_label"]: float(row["people_days"] or 0) / total for row in rows} if total else {}


def _months(page: Page) -> pd.DataFrame:
    return page.published.frame(
        "select month_start_on as month, evidence_label as label, people_days as days,"
        f" people_days_ratio::double as share from {_EVIDENCE} where team_id = 'all' and is_complete"
        " and month_start_on >= ? order by 1, 2",
        (page.today - timedelta(days=400)).replace(day=1),
    )


def evidence_sentence(page: Page) -> str:
    """How much of the last complete month's work stood on evidence, against the three months before."""
    if page.published.missing([_EVIDENCE]):
        return ""
    data = _months(page)
    if data.empty:
        return ""
    months = sorted(data["month"].unique())
    newest = data[data["month"] == months[-1]]
    earlier = data[data["month"].isin(months[-4:-1])]

    def grounded(rows: pd.DataFrame, labels: tuple[str, ...]) -> float | None:
        total = float(rows["days"].sum())
        return float(rows.loc[rows["label"].isin(labels), "days"].sum()) / total if total else None

    now, before = grounded(newest, _GROUNDED), grounded(earlier, _GROUNDED)
    if now is None:
        return ""
    return page.texts(
        "governance.over_time.sentence",
        month=page.formats.month(months[-1]),
        share=page.formats.percent(now, 0),
        before=page.texts("no_comparison") if before is None else page.formats.percent(before, 0),
        opinion=page.formats.percent(grounded(newest, ("opinion",)), 0),
        days=page.formats.number(newest["days"].sum()),
    )


def _over_time(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    data = _months(page)
    if data.empty:
        return [Notice(t("over_time.none"))]
    parts: list[Part] = [Prose(evidence_sentence(page) or t("over_time.lead"), is_lead=True)]
    if data["month"].nunique() >= 3:
        names = {label: page.texts.label("evidence", label) for label in LABELS}
        title = t("over_time.chart")
        alt = page.in_words(
            title,
            data,
            x="month",
            y="share",
            show=lambda value: formats.percent(value, 0),
            by="label",
            names=names,
        )
        parts.append(
            page.series(
                title,
                data,
                x="month",
                draw=lambda marks: page.charts.stacked_bars(
                    data,
                    x="month",
                    y="share",
                    colour="label",
                    colours=LABELS,
                    names=names,
                    y_format=".0%",
                    is_share=True,
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks(),
                note=t("over_time.note"),
                definition=page.column(f"{_EVIDENCE}.people_days_ratio"),
            )
        )
    return parts


def _ground(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    frame = page.published.frame(
        f"select * from {_TABLE} where work_item_level = 'epic' and (status <> 'delivered' or"
        " released_on > ?)",
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
                definition=page.column(f"{_TABLE}.evidence_label"),
            ),
            Tile(
                t("ground.items"),
                formats.number(len(frame)),
                t("ground.items_detail"),
                definition=page.column(f"{_TABLE}.status"),
            ),
            Tile(
                t("ground.no_owner"),
                formats.number((~frame["has_owner"].astype(bool)).sum()),
                t("ground.no_owner_detail"),
                definition=page.column(f"{_TABLE}.has_owner"),
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
                pd.DataFrame(rows),
                row="row",
                share="share",
                colour="label",
                colours=colours,
                describe=_told(page, title, rows),
            ),
            t("ground.note"),
            page.column(f"{_TABLE}.evidence_label"),
        ),
    ]
    teams = team_names(page)
    rows = []
    for team, part in frame.groupby("team_id", dropna=False, sort=True):
        name = teams.get(str(team), page.texts("teams.none") if team != team or team is None else str(team))
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
                    describe=_told(page, title, rows),
                ),
                t("ground.by_team_note"),
                page.column(f"{_TABLE}.people_days"),
            )
        )
    return parts


def _told(page: Page, title: str, rows: list[dict[str, Any]]) -> str:
    """Shares by row, for those who cannot see them."""
    by_row: dict[str, list[str]] = {}
    for row in rows:
        by_row.setdefault(row["row"], []).append(f"{row['label']} {page.formats.percent(row['share'], 0)}")
    return ". ".join([title, *(f"{name}: {', '.join(shares)}" for name, shares in by_row.items())])


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
            t("under_way.accounts"),
            lambda row: formats.number(row["feedback_account_count"]),
            is_number=True,
            definition=page.column(f"{_TABLE}.feedback_account_count"),
        ),
        Column(
            t("under_way.arr"),
            lambda row: formats.money(row["feedback_arr_amount"]),
            is_number=True,
            definition=page.column(f"{_TABLE}.feedback_arr_amount"),
            is_wide_only=True,
        ),
        Column(
            t("under_way.theme_accounts"),
            lambda row: formats.number(row["theme_account_count"]) if row.get("theme_ids") else "–",
            is_number=True,
            definition=page.column(f"{_TABLE}.theme_account_count"),
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
        Column(
            t("under_way.days"),
            lambda row: formats.number(row["people_days"], 1),
            is_number=True,
            definition=page.column(f"{_TABLE}.people_days"),
        ),
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
    return muted(page.t("under_way.assignee")) if row["has_owner"] else owner_cell(page, None)


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


def due(page: Page) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Decisions whose review is overdue, and those due within 30 days."""
    rows = page.published.rows(
        f"select * from {DECISIONS} where review_on is not null and review_on <= ?"
        " order by review_on, decision_id",
        page.today + timedelta(days=30),
    )
    return [row for row in rows if row["is_past_review"]], [row for row in rows if not row["is_past_review"]]


def seen(page: Page, row: dict[str, Any]) -> str | Markup:
    """What the metric of a decision did, whatever caused it; or why nothing is shown."""
    if row["observed_change_pct"] is None:
        return muted(page.texts.label("observed_missing", row["observed_missing_reason"]))
    return f"{page.formats.signed(row['observed_change_pct'])}%"


def expected(page: Page, row: dict[str, Any]) -> str | Markup:
    """What a decision was expected to change."""
    if row["expected_metric_id"] is None:
        return muted(page.texts("governance.due.no_expectation"))
    return page.texts(
        "governance.due.expects",
        metric=page.metric_name(row["expected_metric_id"]),
        change=f"{page.formats.signed(row['expected_change_pct'])}%",
    )


def _due(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    overdue, coming = due(page)
    sentence = " ".join(
        [
            page.texts.plural("governance.due.overdue", len(overdue), day=formats.day(page.today)),
            page.texts.plural("governance.due.coming", len(coming)),
        ]
    )
    parts: list[Part] = [Prose(sentence, is_lead=True)]
    rows = [*overdue, *coming]
    if rows:
        columns = [
            Column(t("due.decision"), lambda row: row["title"] or row["decision_id"]),
            Column(t("due.review"), lambda row: formats.day(row["review_on"])),
            Column(t("due.decider"), lambda row: row["decider"] or "–", is_wide_only=True),
            Column(t("due.expected"), lambda row: expected(page, row), is_wide_only=True),
            Column(
                t("due.seen"),
                lambda row: seen(page, row),
                is_number=True,
                definition=page.column(f"{DECISIONS}.observed_change_pct"),
            ),
            Column(
                "",
                lambda row: badge(t("due.past"), "warn") if row["is_past_review"] else "",
                is_wide_only=True,
            ),
        ]
        parts.append(page.table("due", columns, rows[:20], note=t("due.note")))
    return parts


def _subject(page: Page, row: dict[str, Any]) -> str:
    """What something was found on, by the name it goes by."""
    name = str(row["subject_name"] or row["subject_id"])
    return page.metric_name(row["subject_id"], name) if row["subject_kind"] == "metric" else name


def _process(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select finding_kind, count(*) as findings, max(age_days) as oldest, min(remedy) as remedy"
        f" from {_PROCESS} group by 1 order by findings desc, finding_kind"
    )
    total = sum(row["findings"] for row in rows)
    names = {
        kind: list(dict.fromkeys(_subject(page, row) for row in found))
        for kind in (row["finding_kind"] for row in rows)
        if (
            found := page.published.rows(
                f"select subject_kind, subject_name, subject_id from {_PROCESS} where finding_kind = ?"
                " order by age_days desc nulls last, subject_id",
                kind,
            )
        )
    }
    columns = [
        Column(t("process.finding"), lambda row: page.texts.label("findings", row["finding_kind"])),
        Column(
            t("process.count"),
            lambda row: formats.number(row["findings"]),
            is_number=True,
            definition=page.column(f"{_PROCESS}.finding_kind"),
        ),
        Column(
            t("process.oldest"),
            lambda row: "–" if row["oldest"] is None else t(".days", n=formats.number(row["oldest"])),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_PROCESS}.age_days"),
        ),
        Column(
            t("process.which"),
            lambda row: page.names(names.get(row["finding_kind"], []), 3),
            is_wide_only=True,
        ),
        Column(t("process.remedy"), lambda row: page.texts.label("remedies", row["finding_kind"])),
    ]
    sentence = page.texts.plural(
        "governance.process.sentence",
        total,
        n=formats.number(total),
        kind=page.texts.label("findings", rows[0]["finding_kind"]),
        most=formats.number(rows[0]["findings"]),
        day=formats.day(page.today),
    )
    return [Prose(sentence, is_lead=True), page.table("process", columns, rows)]


def _reconciliation(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_RECONCILIATION} where ticket_id = 'all' order by source_name, measure"
    )
    if not rows:
        return [Notice(t("reconciliation.none"))]
    unexplained = [row for row in rows if row["difference_kind"] == "unexplained"]
    sentence = page.texts.plural(
        "governance.reconciliation.sentence" if unexplained else "governance.reconciliation.agree",
        len(unexplained) or len(rows),
        total=len(rows),
    )
    tones = {"equal": "good", "rounding": "good", "still_running": "plain", "unexplained": "bad"}
    columns = [
        Column(
            t("reconciliation.measure"),
            lambda row: Markup('<a href="{}">{}</a>').format(
                page.column(f"metric.fct_tickets.{row['measure']}"),
                page.texts.label("measures", row["measure"]),
            ),
        ),
        Column(t("reconciliation.source"), lambda row: row["source_name"], is_wide_only=True),
        Column(
            t("reconciliation.agreeing"),
            lambda row: (
                f"{formats.number(row['agreeing_ticket_count'])} / {formats.number(row['ticket_count'])}"
            ),
            is_number=True,
            definition=page.column(f"{_RECONCILIATION}.agreeing_ticket_count"),
        ),
        Column(
            t("reconciliation.theirs"),
            lambda row: formats.number(row["vendor_value"], 2),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_RECONCILIATION}.vendor_value"),
        ),
        Column(
            t("reconciliation.ours"),
            lambda row: formats.number(row["our_value"], 2),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_RECONCILIATION}.our_value"),
        ),
        Column(
            t("reconciliation.worst"),
            lambda row: badge(
                page.texts.label("differences", row["difference_kind"]),
                tones.get(row["difference_kind"], "warn"),
            ),
        ),
    ]
    return [
        Prose(sentence, is_lead=True),
        page.table("reconciliation", columns, rows, note=t("reconciliation.note")),
    ]


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
