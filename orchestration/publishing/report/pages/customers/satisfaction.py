"""NPS and CSAT, with how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import BLUE
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Prose, Tile, Tiles
from orchestration.publishing.report.tables import Column, muted

VOICE = "insight.mart_insight__voice_of_customer"
_MEASURES = ("nps", "csat")
# Two windows of 90 days do not overlap when they end 13 weeks apart.
_WEEKS_APART = 13


def satisfaction(page: Page) -> list[Part]:
    """NPS and CSAT of the 90 days to the end of the last complete week, with how sure they are."""
    t = page.t
    by_measure = {name: voiced(page, name) for name in _MEASURES}
    newest = {name: found[-1] for name, found in by_measure.items() if found}
    if not newest:
        return [Notice(t("satisfaction.none"))]
    sentences = [measured(page, name, newest[name]) for name in _MEASURES if name in newest]
    parts: list[Part] = [
        Prose(" ".join(sentences), is_lead=True),
        Tiles([_satisfaction_tile(page, name, by_measure[name]) for name in newest]),
    ]
    figures = [
        figure
        for name in newest
        if (figure := _satisfaction_figure(page, name, by_measure[name])) is not None
    ]
    if figures:
        parts.append(Pair(figures))
    parts.append(_by_segment(page))
    return parts


def _value(page: Page, measure: str, value: Any) -> str:
    return page.formats.signed(value) if measure == "nps" else page.formats.percent(value, 0)


def voiced(page: Page, measure: str) -> list[dict[str, Any]]:
    """A measure of the whole company by complete week, the newest last."""
    return page.published.rows(
        f"select * from {VOICE} where is_complete and segment = 'all' and measure = ? order by week_start_on",
        measure,
    )


def measured(page: Page, measure: str, row: dict[str, Any]) -> str:
    """NPS or CSAT in a sentence: the value, its interval and of how many answers, or why there is none."""
    formats = page.formats
    told = {"n": formats.number(row["answer_count"]), "day": formats.day(row["as_of_on"])}
    if not row["answer_count"]:
        return page.texts(f"customers.satisfaction.{measure}_nobody", **told)
    if row["is_too_few"]:
        return page.texts(f"customers.satisfaction.{measure}_too_few", **told)
    return page.texts(
        f"customers.satisfaction.{measure}_is",
        value=_value(page, measure, row["value"]),
        low=_value(page, measure, row["interval_low"]),
        high=_value(page, measure, row["interval_high"]),
        rated=formats.percent(row["response_ratio"], 0),
        **told,
    )


def _satisfaction_tile(page: Page, measure: str, rows: list[dict[str, Any]]) -> Tile:
    t, formats = page.t, page.formats
    row = rows[-1]
    label = t(f"satisfaction.{measure}_tile", day=formats.day(row["as_of_on"]))
    definition = page.column(f"{VOICE}.value")
    if row["is_too_few"]:
        detail = t(".too_few_detail", n=formats.number(row["answer_count"]))
        return Tile(label, t(".too_few"), detail, definition=definition)
    before = rows[-1 - _WEEKS_APART] if len(rows) > _WEEKS_APART else None
    tone = "plain"
    if before is None or before["is_too_few"]:
        detail = t("satisfaction.no_before")
    else:
        then = _value(page, measure, before["value"])
        # Intervals that overlap leave it open whether anything changed.
        if before["interval_low"] > row["interval_high"] or before["interval_high"] < row["interval_low"]:
            tone = "good" if row["value"] > before["value"] else "bad"
            detail = t("satisfaction.before", value=then)
        else:
            detail = t("satisfaction.before_chance", value=then)
    return Tile(label, _value(page, measure, row["value"]), detail, tone, definition=definition)


def _satisfaction_figure(page: Page, measure: str, rows: list[dict[str, Any]]) -> Figure | None:
    data = pd.DataFrame(rows[-53:])
    # Weeks of too few answers are gaps, not points.
    values = ["value", "interval_low", "interval_high"]
    data[values] = data[values].astype(float).where(~data["is_too_few"].astype(bool))
    if data["value"].notna().sum() < 3:
        return None
    title = page.t(f"satisfaction.{measure}_chart")
    return page.series(
        title,
        data,
        x="as_of_on",
        draw=lambda marks: page.charts.lines(
            data,
            x="as_of_on",
            y="value",
            colour="measure",
            colours={measure: BLUE},
            band=("interval_low", "interval_high"),
            width=HALF,
            height=200,
            y_format="+d" if measure == "nps" else ".0%",
            from_zero=measure == "nps",
            marks=marks,
            describe=page.in_words(
                title, data, x="as_of_on", y="value", show=lambda value: _value(page, measure, value)
            ),
        ),
        marks=page.marks("nps" if measure == "nps" else "csat_ratio"),
        note=page.t("satisfaction.band"),
        definition=page.column(f"{VOICE}.interval_low"),
    )


def _by_segment(page: Page) -> Part:
    t, formats = page.t, page.formats
    found = page.published.rows(
        f"select * from {VOICE} where is_complete"
        f" and week_start_on = (select max(week_start_on) from {VOICE} where is_complete)"
        " order by segment = 'all', segment"
    )
    by_segment: dict[str, dict[str, dict[str, Any]]] = {}
    for row in found:
        by_segment.setdefault(row["segment"], {})[row["measure"]] = row

    def value(measure: str) -> Callable[[Any], str | Markup]:
        def show(row: Any) -> str | Markup:
            one = row[1].get(measure)
            if one is None or not one["answer_count"]:
                return muted("–")
            if one["is_too_few"]:
                return muted(t(".too_few"))
            return Markup("{} {}").format(
                _value(page, measure, one["value"]),
                muted(
                    t(
                        "satisfaction.between",
                        low=_value(page, measure, one["interval_low"]),
                        high=_value(page, measure, one["interval_high"]),
                    )
                ),
            )

        return show

    def count(measure: str) -> Callable[[Any], str]:
        return lambda row: formats.number(row[1][measure]["answer_count"] if measure in row[1] else None)

    columns = [Column(t("accounts.segment"), lambda row: page.texts.label("segments", row[0]))]
    for measure in _MEASURES:
        columns += [
            Column(
                t(f"satisfaction.{measure}"),
                value(measure),
                is_number=True,
                definition=page.column(f"{VOICE}.value"),
            ),
            Column(
                t(f"satisfaction.{measure}_count"),
                count(measure),
                is_number=True,
                is_wide_only=True,
                definition=page.column(f"{VOICE}.answer_count"),
            ),
        ]
    columns.append(
        Column(
            t("satisfaction.rated"),
            lambda row: formats.percent(row[1]["csat"]["response_ratio"] if "csat" in row[1] else None, 0),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{VOICE}.response_ratio"),
        )
    )
    title = t("satisfaction.by_segment", day=formats.day(found[-1]["as_of_on"]))
    return page.table(
        "satisfaction", columns, list(by_segment.items()), title=title, note=t("satisfaction.note")
    )
