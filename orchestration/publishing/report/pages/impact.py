"""Impact: what deliveries did to metrics, by a comparison that can say so, and what cannot be known."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.drawing import GREEN, GREY, RED
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Point, Points, Prose
from orchestration.publishing.report.tables import Column, badge, muted

EFFECTS = "impact.fct_delivery_impact"
_WEEKLY = "impact.fct_delivery_impact_weekly"
_ATTRIBUTION = "impact.mart_impact__key_result_attribution"
_DELIVERIES = "delivery.dim_deliveries"
_KEY_RESULTS = "impact.mart_impact__key_results"
_METRICS = ("wau_rate", "active", "tickets", "mrr_rel", "csat")
_BADGES = {"improved": "good", "worsened": "bad"}
_COLOURS = {"improved": GREEN, "worsened": RED, "no_detectable_effect": GREY}
_LINES = 12
_PICTURES = 4


def build(page: Page) -> None:
    page.section("sizes", [EFFECTS], lambda: _sizes(page), lead=page.t("sizes.lead"))
    page.section("course", [EFFECTS, _WEEKLY], lambda: _course(page), lead=page.t("course.lead"))
    page.section("open", [EFFECTS], lambda: _open(page))
    page.section("goals", [_ATTRIBUTION], lambda: _goals(page), lead=page.t("goals.lead"))
    page.section("limits", [], lambda: _limits(page))


def verdicts(page: Page) -> dict[str, list[dict[str, Any]]]:
    """delivery_id -> its current rows, strongest word first; empty before there are any."""
    if page.published.missing([EFFECTS]):
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in page.published.rows(
        f"select * from {EFFECTS} where is_current order by delivery_id, case when verdict in"
        " ('improved', 'worsened') then 0 when verdict = 'no_detectable_effect' then 1"
        " when verdict = 'too_early' then 2 else 3 end, metric"
    ):
        found.setdefault(row["delivery_id"], []).append(row)
    return found


def verdict_cell(page: Page, rows: list[dict[str, Any]]) -> Markup:
    """What is said of a delivery in a few words: each claim with its size, else why there is none."""
    if not rows:
        return badge(page.texts("impact.not_evaluated"), "plain")
    claims = [row for row in rows if row["verdict"] in _BADGES]
    if not claims:
        words = badge(page.texts.label("verdicts", rows[0]["verdict"]), "plain")
        return Markup("{} {}").format(words, muted(_why(page, rows[0])))
    return Markup("<br>").join(
        Markup("{} {} {}").format(
            badge(page.texts.label("verdicts", row["verdict"]), _BADGES[row["verdict"]]),
            _metric_words(page, row),
            muted(effect_words(page, row)),
        )
        for row in claims
    )


def _metric_words(page: Page, row: dict[str, Any]) -> str:
    """What was measured; of tickets, whether only those about the delivery's theme were."""
    metric = page.texts.label("impact_metrics", row["metric"])
    return metric if row.get("theme_id") is None else page.texts("impact.of_theme", what=metric)


def effect_words(page: Page, row: dict[str, Any]) -> str:
    """The estimate with its interval, in percent of what would have been."""
    base = abs(row["counterfactual_value"] or 0)
    if not base or row["effect_abs"] is None:
        return ""
    return page.texts(
        "impact.effect",
        effect=_signed(page, row["effect_abs"] / base),
        low=_signed(page, row["ci_low"] / base),
        high=_signed(page, row["ci_high"] / base),
    )


def _signed(page: Page, ratio: float) -> str:
    sign = "+" if ratio > 0 else "−" if ratio < 0 else ""
    return f"{sign}{page.formats.percent(abs(ratio))}"


def _why(page: Page, row: dict[str, Any]) -> str:
    if row["verdict"] == "no_detectable_effect":
        base = abs(row["counterfactual_value"] or 0)
        if base and row["mde_abs"] is not None:
            return page.texts("impact.would_have_seen", size=page.formats.percent(row["mde_abs"] / base))
    return page.texts.reason(row["verdict_reason"])


def _measured(page: Page) -> pd.DataFrame:
    return page.published.frame(
        "select e.*, coalesce(d.delivery_name, e.delivery_id) as name, d.released_at,"
        " 100 * e.effect_abs / abs(e.counterfactual_value) as effect,"
        " 100 * e.ci_low / abs(e.counterfactual_value) as low,"
        " 100 * e.ci_high / abs(e.counterfactual_value) as high"
        f" from {EFFECTS} as e left join {_DELIVERIES} as d on e.delivery_id = d.delivery_id"
        " where e.is_current and e.verdict in ('improved', 'worsened', 'no_detectable_effect')"
        " and e.counterfactual_value <> 0 order by d.released_at desc, e.delivery_id"
    )


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _sizes(page: Page) -> list[Part]:
    t = page.t
    data = _measured(page)
    if data.empty:
        return [Notice(t("sizes.none")), Prose(t("sizes.why_none"))]
    claims = int(data["verdict"].isin(list(_BADGES)).sum())
    figures = []
    for metric in _METRICS:
        rows = data[data["metric"] == metric].head(_LINES)
        if rows.empty:
            continue
        title = t("sizes.figure", metric=page.texts.label("impact_metrics", metric))
        # A table that is held back may be from before themes were counted.
        themes = rows.get("theme_id", pd.Series(index=rows.index, dtype=object))
        named = [
            page.texts("impact.of_theme", what=name) if isinstance(theme, str) else name
            for name, theme in zip(rows["name"], themes, strict=True)
        ]
        rows = rows.assign(name=named)
        told = [
            f"{row['name']}: {effect_words(page, row)} ({page.texts.label('verdicts', row['verdict'])})"
            for row in _records(rows)
        ]
        figures.append(
            Figure(
                title,
                page.charts.forest(
                    rows[["name", "effect", "low", "high", "verdict"]],
                    label="name",
                    value="effect",
                    low="low",
                    high="high",
                    colour="verdict",
                    colours=_COLOURS,
                    names={name: page.texts.label("verdicts", name) for name in _COLOURS},
                    describe=". ".join([title, *told]),
                ),
                t("sizes.note"),
                page.column(f"{EFFECTS}.effect_abs"),
            )
        )
    lead = page.texts.plural("impact.sizes.sentence", claims, total=page.formats.number(len(data)))
    return [Prose(lead), *_in_pairs(figures)]


def _in_pairs(figures: list[Figure]) -> list[Part]:
    return [
        Pair(figures[at : at + 2]) if at + 1 < len(figures) else figures[at]
        for at in range(0, len(figures), 2)
    ]


def _course(page: Page) -> list[Part]:
    t = page.t
    data = page.published.frame(
        "select w.*, e.verdict, d.released_at, coalesce(d.delivery_name, e.delivery_id) as name"
        f" from {_WEEKLY} as w inner join {EFFECTS} as e on w.delivery_id = e.delivery_id"
        " and w.metric = e.metric and w.method_version = e.method_version"
        f" left join {_DELIVERIES} as d on w.delivery_id = d.delivery_id"
        " where e.is_current and e.verdict in ('improved', 'worsened') and w.effect_abs is not null"
        " order by d.released_at desc, w.delivery_id, w.metric, w.weeks_since_exposure"
    )
    if data.empty:
        is_claimed = any(row["verdict"] in _BADGES for of in verdicts(page).values() for row in of)
        return [Notice(t("course.without_one" if is_claimed else "course.none"))]
    said = {(row["delivery_id"], row["metric"]): row for of in verdicts(page).values() for row in of}
    figures = []
    for (delivery, metric), rows in list(data.groupby(["delivery_id", "metric"], sort=False))[:_PICTURES]:
        measured = _metric_words(page, said[delivery, metric])
        title = t("course.figure", name=rows["name"].iloc[0], metric=measured)
        figures.append(
            Figure(
                title,
                page.charts.event_study(
                    rows[["weeks_since_exposure", "effect_abs", "ci_low", "ci_high"]],
                    x="weeks_since_exposure",
                    y="effect_abs",
                    low="ci_low",
                    high="ci_high",
                    describe=t("course.alt", title=title),
                ),
                t("course.note"),
                page.column(f"{_WEEKLY}.effect_abs"),
            )
        )
    return _in_pairs(figures)


def _open(page: Page) -> list[Part]:
    """Deliveries of which nothing can be said, or nothing yet."""
    t = page.t
    rows = page.published.rows(
        "select e.delivery_id, max(coalesce(d.delivery_name, e.delivery_id)) as name,"
        " max(d.released_on) as released_on, max(e.verdict) as verdict, max(e.verdict_reason) as reason"
        f" from {EFFECTS} as e inner join {_DELIVERIES} as d on e.delivery_id = d.delivery_id"
        " where e.is_current and d.origin = 'governed' and d.status = 'released' group by e.delivery_id"
        " having sum(case when e.verdict in ('too_early', 'not_measurable') then 0 else 1 end) = 0"
        " order by max(d.released_at) desc nulls last, e.delivery_id limit 14"
    )
    if not rows:
        return [Notice(t("open.none"))]
    columns = [
        Column(t("open.delivery"), lambda row: row["name"]),
        Column(t("open.released"), lambda row: page.formats.day(row["released_on"]), is_wide_only=True),
        Column(t("open.state"), lambda row: badge(page.texts.label("verdicts", row["verdict"]), "plain")),
        Column(t("open.why"), lambda row: muted(page.texts.reason(row["reason"]))),
    ]
    return [page.table("open", columns, rows, definition=page.column(f"{EFFECTS}.verdict_reason"))]


def _goals(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select a.*, k.name, k.unit, coalesce(d.delivery_name, a.delivery_id) as delivery_name"
        f" from {_ATTRIBUTION} as a inner join {_KEY_RESULTS} as k on a.key_result_id = k.key_result_id"
        f" left join {_DELIVERIES} as d on a.delivery_id = d.delivery_id where k.status = 'running'"
        " order by k.key_result_id, case a.contributor_kind when 'unexplained' then 1 else 0 end,"
        " a.status, abs(a.contribution_value) desc nulls last, a.contributor_id limit 40"
    )
    if not rows:
        return [Notice(t("goals.none"))]

    first = {row["key_result_id"]: row["contributor_id"] for row in reversed(rows)}

    def is_first(row: dict[str, Any]) -> bool:
        return bool(first[row["key_result_id"]] == row["contributor_id"])

    def amount(row: dict[str, Any], column: str) -> str:
        if row[column] is None:
            return "–"
        # A share moves by points of a hundred.
        if row["unit"] == "ratio":
            return t(".points", n=formats.signed(100 * row[column], 1))
        return formats.of_unit(row[column], row["unit"])

    def between(row: dict[str, Any]) -> str:
        if row["ci_low"] is None or row["ci_high"] is None:
            return "–"
        return t("goals.between", low=amount(row, "ci_low"), high=amount(row, "ci_high"))

    added = page.column(f"{_ATTRIBUTION}.contribution_value")
    moved = page.column(f"{_ATTRIBUTION}.movement_value")
    columns = [
        Column(t("goals.goal"), lambda row: row["name"] if is_first(row) else ""),
        Column(
            t("goals.moved"),
            lambda row: amount(row, "movement_value") if is_first(row) else "",
            is_number=True,
            is_wide_only=True,
            definition=moved,
        ),
        Column(
            t("goals.by"),
            lambda row: t("goals.rest") if row["contributor_kind"] == "unexplained" else row["delivery_name"],
        ),
        Column(
            t("goals.added"),
            lambda row: (
                t("goals.unknown") if row["contribution_value"] is None else amount(row, "contribution_value")
            ),
            is_number=True,
            definition=added,
        ),
        Column(t("goals.interval"), between, is_number=True, is_wide_only=True, definition=added),
    ]
    return [
        page.table(
            "goals",
            columns,
            rows,
            note=t("goals.note"),
            definition=page.column(f"{_ATTRIBUTION}.contribution_value"),
        )
    ]


def _limits(page: Page) -> list[Part]:
    points = ("floor", "together", "all_at_once", "early", "last")
    return [Points([Point(page.t(f"limits.{name}"), page.t(f"limits.{name}_why")) for name in points])]
