"""The product review, for leaders: what we decided, what it did, what customers say, where we stand, what
next.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from orchestration.publishing.report.page import (
    Notice,
    Page,
    Part,
    Point,
    Points,
    Prose,
    Tile,
    Tiles,
)
from orchestration.publishing.report.pages.customers.feedback import kind_figure, tag_rows, tag_table
from orchestration.publishing.report.pages.customers.satisfaction import VOICE, measured, voiced
from orchestration.publishing.report.pages.customers.themes import THEME_TABLES, theme_rows, themes_told
from orchestration.publishing.report.pages.delivery import team_names
from orchestration.publishing.report.pages.governance import BADGES, DECISIONS, due, evidence_sentence
from orchestration.publishing.report.pages.impact import verdict_cell, verdicts
from orchestration.publishing.report.pages.metrics.revenue import MONTHLY, revenue_sentence
from orchestration.publishing.report.pages.metrics.use import use_sentence
from orchestration.publishing.report.standing import Standing, standings
from orchestration.publishing.report.tables import Column, badge, muted
from orchestration.publishing.report.words import account_cell, change_cell, metric_cell, owner_cell, tile

_DELIVERIES = "delivery.dim_deliveries"
_TRACE = "governance.mart_governance__traceability"
_KEY_RESULTS = "impact.mart_impact__key_results"
_DAILY = "metric.mart_metric__daily"
_HEADLINES = (
    "mrr",
    "customer_count",
    "active_people_7d",
    "nps",
    "csat_ratio",
    "first_reply_minutes_median",
    "work_items_done",
)
REVIEWED_DAYS = 90


def build(page: Page) -> None:
    page.section("glance", ["metric.dim_metrics", _DAILY], lambda: _glance(page))
    page.section("decided", [_DELIVERIES], lambda: _decided(page), lead=page.t("decided.lead"))
    page.section("did", [_DELIVERIES], lambda: _did(page))
    page.section("said", ["insight.fct_feedback"], lambda: _said(page))
    page.section("goals", [_KEY_RESULTS], lambda: _goals(page))
    page.section("stand", ["metric.dim_metrics", _DAILY], lambda: _stand(page), lead=page.t("stand.lead"))
    page.section("next", [], lambda: _next(page), lead=page.t("next.lead"))


def _glance(page: Page) -> list[Part]:
    all_standings = standings(page.published)
    tiles = [tile(page, all_standings[metric]) for metric in _HEADLINES if metric in all_standings]
    points = [
        Point(page.t(f"glance.{word}"), sentence)
        for word, sentence in (
            ("revenue", revenue_sentence(page)),
            ("retention_word", _retention_sentence(page)),
            ("use_word", use_sentence(page)),
            ("ground_word", evidence_sentence(page)),
        )
        if sentence
    ]
    retention = _retention_tile(page)
    if retention is not None:
        tiles.insert(1, retention)
    return [Points(points), Tiles(tiles)]


def _retention_tile(page: Page) -> Tile | None:
    found = _retention(page)
    if found is None:
        return None
    nrr, _, month = found
    word = "nrr_grew" if nrr >= 1 else "nrr_shrank"
    return Tile(
        page.texts("metrics.retention.nrr_tile", months=12, month=page.formats.month(month)),
        page.formats.percent(nrr),
        page.texts(f"metrics.retention.{word}"),
        "good" if nrr >= 1 else "bad",
        definition=page.column(f"{MONTHLY}.nrr_12m_ratio"),
    )


def _retention(page: Page) -> tuple[float, float, date] | None:
    """Net and gross retention over twelve months, and the last complete month they are of."""
    if page.published.missing([MONTHLY]):
        return None
    found = page.published.rows(
        f"select nrr_12m_ratio, grr_12m_ratio, month_start_on from {MONTHLY} where segment = 'all'"
        " and is_complete and nrr_12m_ratio is not null order by month_start_on desc limit 1"
    )
    if not found:
        return None
    return found[0]["nrr_12m_ratio"], found[0]["grr_12m_ratio"], found[0]["month_start_on"]


def _retention_sentence(page: Page) -> str:
    found = _retention(page)
    if found is None:
        return ""
    percent = page.formats.percent
    return page.t("glance.retention", nrr=percent(found[0], 0), grr=percent(found[1], 0))


def _labels(page: Page) -> dict[str, str]:
    """delivery_id -> evidence label of its epic."""
    if page.published.missing([_TRACE]):
        return {}
    return {
        row["delivery_id"]: row["evidence_label"]
        for row in page.published.rows(
            f"select delivery_id, min(evidence_label) as evidence_label from {_TRACE}"
            " where delivery_id is not null group by delivery_id"
        )
    }


def _names(page: Page, metric_ids: str | None) -> str:
    """Metric ids, comma joined, as names."""
    ids = [one.strip() for one in (metric_ids or "").split(",") if one.strip()]
    return ", ".join(page.metric_name(one) for one in ids)


def _titles(page: Page) -> dict[str, str]:
    """decision_id -> what was decided."""
    if page.published.missing([DECISIONS]):
        return {}
    return {
        row["decision_id"]: row["title"] or row["decision_id"]
        for row in page.published.rows(f"select decision_id, title from {DECISIONS}")
    }


def _decisions(slugs: str | None, titles: dict[str, str]) -> str:
    """Decision ids, comma joined, in the company's words."""
    ids = [slug.strip() for slug in (slugs or "").split(",") if slug.strip()]
    return ", ".join(titles.get(slug, slug.replace("-", " ").replace("_", " ")) for slug in ids)


def _decided(page: Page) -> list[Part]:
    t = page.t
    labels = _labels(page)
    titles = _titles(page)
    teams = team_names(page)
    rows = page.published.rows(
        f"select * from {_DELIVERIES} where status <> 'released' or released_on > ?"
        " order by origin <> 'governed',"
        " case status when 'in_progress' then 0 when 'planned' then 1 else 2 end,"
        " released_at desc nulls last, people_days desc nulls last, delivery_id limit 14",
        page.today - timedelta(days=REVIEWED_DAYS),
    )
    if not rows:
        return [Notice(t("decided.none"))]
    columns = [
        Column(t("decided.delivery"), lambda row: _delivery(row, teams)),
        Column(
            t("decided.decision"),
            lambda row: _decisions(row["decision_ids"], titles) or muted(t("decided.no_decision")),
            is_wide_only=True,
        ),
        Column(
            t("decided.aims_at"),
            lambda row: _names(page, row["metric_ids"]) or muted(t("decided.no_metric")),
            is_wide_only=True,
        ),
        Column(t("decided.stands_on"), lambda row: _stands_on(page, labels.get(row["delivery_id"]))),
        Column(
            t("decided.owner"),
            lambda row: owner_cell(page, row["owner"]),
            is_wide_only=True,
        ),
        Column(t("decided.state"), lambda row: page.texts.label("statuses", row["status"])),
    ]
    without = sum(1 for row in rows if not row["decision_ids"])
    note = page.texts.plural("product_review.decided.without", without, total=len(rows)) if without else ""
    return [
        page.table(
            "decided",
            columns,
            rows,
            note=note,
            definition=page.column(f"{_DELIVERIES}.decision_ids"),
        )
    ]


def _delivery(row: dict[str, Any], teams: dict[str, str]) -> Markup:
    team = teams.get(row["team_id"], "")
    return Markup("{} {}").format(row["delivery_name"] or row["delivery_id"], muted(team) if team else "")


def _stands_on(page: Page, label: str | None) -> str | Markup:
    if label is None:
        return muted(page.t("decided.no_epic"))
    return badge(page.texts.label("evidence", label), BADGES.get(label, "plain"))


def _did(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_DELIVERIES} where status = 'released' and released_on > ?"
        " order by released_at desc, delivery_id limit 12",
        page.today - timedelta(days=REVIEWED_DAYS),
    )
    caution = Prose(t("did.caution"), is_caution=True)
    said = verdicts(page)
    if not rows:
        return [Notice(t("did.none", days=REVIEWED_DAYS)), caution]
    days = sum(float(row["people_days"] or 0) for row in rows)
    columns = [
        Column(t("did.delivery"), lambda row: row["delivery_name"] or row["delivery_id"]),
        Column(t("did.released"), lambda row: formats.day(row["released_on"])),
        Column(t("did.rollout"), lambda row: page.texts.label("rollouts", row["rollout"]), is_wide_only=True),
        Column(
            t("did.meant_for"),
            lambda row: _names(page, row["metric_ids"]) or muted(t("decided.no_metric")),
            is_wide_only=True,
        ),
        Column(
            t("did.effort"),
            lambda row: formats.number(row["people_days"], 1),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_DELIVERIES}.people_days"),
        ),
        *(
            [
                Column(
                    t("did.cost"),
                    lambda row: formats.money(row["cost_amount"]),
                    is_number=True,
                    is_wide_only=True,
                    definition=page.column(f"{_DELIVERIES}.cost_amount"),
                )
            ]
            if any(row.get("cost_amount") is not None for row in rows)
            else []
        ),
        Column(t("did.effect"), lambda row: verdict_cell(page, said.get(row["delivery_id"], []))),
    ]
    lead = page.texts.plural(
        "product_review.did.lead", len(rows), days=formats.number(days), window=REVIEWED_DAYS
    )
    return [
        Prose(lead),
        page.table("did", columns, rows, definition=page.column(f"{_DELIVERIES}.people_days")),
        caution,
    ]


def _said(page: Page) -> list[Part]:
    # As on the page on customers, so that both tell one number.
    told = [
        measured(page, name, rows[-1])
        for name in ("nps", "csat")
        if not page.published.missing([VOICE]) and (rows := voiced(page, name))
    ]
    return [
        *([Prose(" ".join(told))] if told else []),
        kind_figure(page, width=940),
        *([tag_table(page, 28, 6)] if page.published.missing(THEME_TABLES) else themes_told(page, 28, 6)),
        Prose(Markup('<a href="customers.html">{}</a>').format(page.t("said.more"))),
    ]


def _goals(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_KEY_RESULTS} where status = 'running'"
        " order by is_on_track nulls first, progress_ratio, objective_name, key_result_id"
    )
    if not rows:
        return [Notice(t("goals.none"))]
    known = [row for row in rows if row["is_on_track"] is not None]
    on_track = sum(1 for row in known if row["is_on_track"])

    def value(column: str) -> Any:
        return lambda row: formats.of_unit(row[column], row["unit"])

    def progress(row: Any) -> str | Markup:
        if row["progress_ratio"] is None:
            return muted(page.texts.label("observed_missing", row["missing_reason"]))
        return formats.percent(row["progress_ratio"], 0)

    def pace(row: Any) -> str | Markup:
        if row["is_on_track"] is None:
            return badge(t("goals.unknown"), "plain")
        return badge(t("goals.ahead"), "good") if row["is_on_track"] else badge(t("goals.behind"), "warn")

    columns = [
        Column(
            t("goals.name"),
            lambda row: Markup("{} {}").format(row["name"], muted(row["objective_name"] or "")),
        ),
        Column(
            t("goals.baseline"),
            value("baseline"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_KEY_RESULTS}.baseline"),
        ),
        Column(
            t("goals.now"),
            value("current_value"),
            is_number=True,
            definition=page.column(f"{_KEY_RESULTS}.current_value"),
        ),
        Column(
            t("goals.target"),
            value("target"),
            is_number=True,
            definition=page.column(f"{_KEY_RESULTS}.target"),
        ),
        Column(
            t("goals.progress"),
            progress,
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_KEY_RESULTS}.progress_ratio"),
        ),
        Column(
            t("goals.elapsed"),
            lambda row: formats.percent(row["elapsed_ratio"], 0),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_KEY_RESULTS}.elapsed_ratio"),
        ),
        Column(t("goals.pace"), pace),
        Column(
            t("stand.owner"),
            lambda row: owner_cell(page, row["owner"]),
            is_wide_only=True,
        ),
    ]
    sentence = t(
        "goals.sentence",
        on_track=formats.number(on_track),
        known=formats.number(len(known)),
        day=formats.day(page.today),
    )
    return [Prose(sentence, is_lead=True), page.table("goals", columns, rows, note=t("goals.note"))]


def _stand(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = [
        standing
        for standing in standings(page.published).values()
        if standing.target is not None or standing.metric_id in _HEADLINES
    ]
    rows.sort(key=lambda row: (row.meets_target is None, row.meets_target is True, row.name))

    def target(row: Standing) -> str | Markup:
        if row.target is None:
            return muted(t("stand.no_target"))
        return t("stand.by", target=formats.of_unit(row.target, row.unit), day=formats.day(row.target_on))

    def state(row: Standing) -> str | Markup:
        if row.is_too_few:
            return badge(t(".too_few"), "plain")
        if row.meets_target is None:
            return ""
        return badge(t("stand.met"), "good") if row.meets_target else badge(t("stand.not_met"), "warn")

    columns: list[Column] = [
        Column(
            t("stand.metric"),
            lambda row: metric_cell(page, row),
        ),
        Column(
            t("stand.now"),
            lambda row: "–" if row.is_too_few else formats.of_unit(row.value, row.unit),
            is_number=True,
            definition=page.column("metric.mart_metric__daily.value"),
        ),
        Column(t("stand.change"), lambda row: change_cell(page, row), is_wide_only=True),
        Column(t("stand.target"), target, is_wide_only=True),
        Column("", state),
        Column(t("stand.owner"), lambda row: owner_cell(page, row.owner), is_wide_only=True),
    ]
    return [page.table("stand", columns, rows, note=t("stand.note"))]


def _next(page: Page) -> list[Part]:
    """Each entry is a fact of the marts that asks for an action; nothing is weighed beyond that."""
    points = [
        point
        for find in (
            _renewals,
            _grown_most,
            _on_opinion,
            _off_target,
            _overdue,
            _without_metric,
            _old_data,
        )
        if (point := find(page)) is not None
    ]
    if not points:
        return [Notice(page.t("next.none"))]
    return [
        Points(points, is_ordered=True),
        Prose(Markup('<span class="muted">{}</span>').format(page.t("next.note"))),
    ]


def _renewals(page: Page) -> Point | None:
    if page.published.missing(["metric.dim_accounts"]):
        return None
    rows = page.published.rows(
        "select * from metric.dim_accounts where lifecycle_status = 'customer' and not is_excluded"
        " and renewal_on between ? and ? and coalesce(active_person_28d_count, 0) = 0"
        " order by arr_amount desc nulls last, account_id",
        page.today,
        page.today + timedelta(days=90),
    )
    if not rows:
        return None
    formats = page.formats
    named = [
        Markup("{} ({}, {})").format(
            account_cell(row),
            formats.money(row["arr_amount"]),
            formats.day(row["renewal_on"]),
        )
        for row in rows[:3]
    ]
    arr = formats.money(sum(float(row["arr_amount"] or 0) for row in rows))
    return Point(
        page.texts.plural("product_review.next.renewals", len(rows), arr=arr),
        Markup("{} {}.").format(page.t("next.renewals_why"), Markup(", ").join(named)),
    )


def _grown_most(page: Page) -> Point | None:
    """What more accounts speak of than before: the company's themes, else the tags of the source.

    Tags are also what a tool or an agent writes on a ticket: of them nobody is said to have raised anything.
    """
    if page.published.missing(["insight.fct_feedback"]):
        return None
    if page.published.missing(["insight.dim_themes", "insight.fct_feedback_themes"]):
        key, name, rows = "tag", "tag", tag_rows(page, 28, 50)
    else:
        key, name, rows = "theme", "name", theme_rows(page, 28, 50)
    growth = [(row["accounts"] - (row["accounts_before"] or 0), row) for row in rows if row["accounts"] >= 3]
    growth = [(more, row) for more, row in growth if more > 0]
    if not growth:
        return None
    _, row = max(growth, key=lambda pair: (pair[0], pair[1]["arr"] or 0))
    number = page.formats.number
    return Point(
        page.t("next.tag", tag=row[name]),
        page.t(
            f"next.{key}_why",
            accounts=number(row["accounts"]),
            before=number(row["accounts_before"] or 0),
            arr=page.formats.money(row["arr"]),
        ),
    )


def _on_opinion(page: Page) -> Point | None:
    if page.published.missing([_TRACE]):
        return None
    rows = page.published.rows(
        f"select work_item_key, people_days from {_TRACE} where status = 'in_progress' and"
        " work_item_level = 'epic'"
        " and evidence_label = 'opinion' order by people_days desc nulls last, work_item_key"
    )
    if not rows:
        return None
    days = page.formats.number(sum(float(row["people_days"] or 0) for row in rows))
    return Point(
        page.texts.plural("product_review.next.opinion", len(rows)),
        page.t(
            "next.opinion_why", days=days, keys=page.names([str(row["work_item_key"]) for row in rows], 4)
        ),
    )


def _off_target(page: Page) -> Point | None:
    missed = [
        row for row in standings(page.published).values() if row.meets_target is False and not row.is_too_few
    ]
    if not missed:
        return None
    missed.sort(key=lambda row: (row.target_on is None, row.target_on, row.name))
    row, formats = missed[0], page.formats
    return Point(
        page.t("next.target", metric=page.metric_name(row.metric_id, row.name)),
        page.t(
            "next.target_why",
            value=formats.of_unit(row.value, row.unit),
            target=formats.of_unit(row.target, row.unit),
            day=formats.day(row.target_on),
            owner=row.owner or page.t(".nobody"),
        ),
    )


def _overdue(page: Page) -> Point | None:
    if page.published.missing([DECISIONS]):
        return None
    overdue, _ = due(page)
    if not overdue:
        return None
    titles = [str(row["title"] or row["decision_id"]) for row in overdue]
    return Point(
        page.texts.plural("product_review.next.overdue", len(overdue)),
        Markup('{} <a href="governance.html#due">{}</a>.').format(
            page.t("next.overdue_why", names=page.names(titles, 3)), page.texts("governance.title")
        ),
    )


def _without_metric(page: Page) -> Point | None:
    if page.published.missing([_DELIVERIES]):
        return None
    rows = page.published.rows(
        f"select delivery_name from {_DELIVERIES} where status = 'released' and coalesce(metric_ids, '') = ''"
        " and released_on > ? order by released_at desc",
        page.today - timedelta(days=REVIEWED_DAYS),
    )
    if not rows:
        return None
    return Point(
        page.texts.plural("product_review.next.unmeasured", len(rows)),
        page.t("next.unmeasured_why", names=page.names([str(row["delivery_name"]) for row in rows], 4)),
    )


def _old_data(page: Page) -> Point | None:
    held_back = len(page.published.publication.held_back())
    stale = []
    if not page.published.missing(["governance.mart_governance__data_health"]):
        stale = page.published.rows(
            "select subject from governance.mart_governance__data_health where subject_type ="
            " 'source' and not is_fresh"
            " order by subject"
        )
    if not stale and not held_back:
        return None
    reasons = []
    if stale:
        reasons.append(page.t("next.data_stale", sources=", ".join(str(row["subject"]) for row in stale)))
    if held_back:
        reasons.append(page.texts.plural("product_review.next.data_held_back", held_back))
    return Point(
        page.t("next.data"),
        Markup('{} <a href="data_health.html">{}</a>.').format(
            " ".join(reasons), page.texts("data_health.title")
        ),
    )
