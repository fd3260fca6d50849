"""Voice of the customer: satisfaction, themes over time, opportunities, closed loops.

Belongs here: the sections whose tables count what customers said and what became of it. Does not belong
here: feedback by source and kind, accounts, and who they are (`customers.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import BLUE, GREY
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Prose, Tile, Tiles
from orchestration.publishing.report.tables import Column, badge, link, muted, shaded
from orchestration.publishing.report.words import share_in_words

VOICE = "insight.mart_insight__voice_of_customer"
WEEKLY = "insight.mart_insight__theme_weekly"
OPPORTUNITIES = "insight.mart_insight__opportunities"
LOOPS = "insight.mart_insight__loop_closure"
_DELIVERIES = "delivery.dim_deliveries"
_MEASURES = ("nps", "csat")
# Two windows of 90 days do not overlap when they end 13 weeks apart.
_WEEKS_APART = 13
_HEAT_WEEKS = 10
_RECENT_DAYS = 365


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


def theme_weeks(page: Page) -> list[Part]:
    """Accounts per week behind the themes that come up most, and how much of the feedback has none."""
    t, formats = page.t, page.formats
    language = "name_pt" if page.texts.language == "pt" else "name_en"
    rows = page.published.rows(
        f"select weekly.*, coalesce(theme.{language}, theme.name_en, weekly.theme_id) as name"
        f" from {WEEKLY} as weekly left join insight.dim_themes as theme on weekly.theme_id = theme.theme_id"
        " where weekly.is_complete order by weekly.week_start_on, weekly.theme_id"
    )
    weeks = sorted({row["week_start_on"] for row in rows})
    if len(weeks) < 3:
        return []
    shown = weeks[-_HEAT_WEEKS:]
    themes: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["theme_id"] in ("all", "unthemed") or row["week_start_on"] not in shown:
            continue
        theme = themes.setdefault(row["theme_id"], {"name": row["name"], "accounts": {}, "mentions": 0})
        theme["accounts"][row["week_start_on"]] = row["account_count"]
        theme["mentions"] += row["mention_count"]
    loudest = sorted(
        (theme for theme in themes.values() if theme["mentions"]),
        key=lambda theme: (-sum(theme["accounts"].values()), theme["name"]),
    )[:10]
    parts: list[Part] = []
    if loudest:
        most = max(count for theme in loudest for count in theme["accounts"].values()) or 1

        def of_week(week: Any) -> Callable[[Any], Markup]:
            def show(theme: Any) -> Markup:
                count = theme["accounts"].get(week, 0)
                return shaded(formats.number(count) if count else "", 0.95 * count / most if count else None)

            return show

        columns = [
            Column(t("themes.theme"), lambda theme: theme["name"]),
            *(
                Column(
                    formats.short_day(week),
                    of_week(week),
                    is_number=True,
                    is_wide_only=week not in shown[-4:],
                    definition=page.column(f"{WEEKLY}.account_count"),
                )
                for week in shown
            ),
            Column(
                t("feedback.mentions"),
                lambda theme: formats.number(theme["mentions"]),
                is_number=True,
                is_wide_only=True,
                definition=page.column(f"{WEEKLY}.mention_count"),
            ),
        ]
        parts.append(
            page.table(
                "theme-weeks",
                columns,
                loudest,
                title=t("themes.weeks", weeks=len(shown), day=formats.day(shown[-1] + timedelta(days=6))),
                note=t("themes.weeks_note"),
                kind="matrix",
            )
        )
    whole = pd.DataFrame([row for row in rows if row["theme_id"] == "all"]).tail(52)
    data = pd.concat(
        [
            whole.assign(part="themed", items=whole["feedback_count"] - whole["unthemed_count"]),
            whole.assign(part="unthemed", items=whole["unthemed_count"]),
        ]
    )[["week_start_on", "part", "items", "unthemed_ratio"]]
    title = t("themes.unthemed_chart")
    parts.append(
        page.series(
            title,
            data,
            x="week_start_on",
            draw=lambda marks: page.charts.stacked_bars(
                data[["week_start_on", "part", "items"]],
                x="week_start_on",
                y="items",
                colour="part",
                colours={"themed": BLUE, "unthemed": GREY},
                names={part: t(f"themes.{part}") for part in ("themed", "unthemed")},
                height=180,
                marks=marks,
                describe=page.in_words(
                    title,
                    data[data["part"] == "unthemed"],
                    x="week_start_on",
                    y="unthemed_ratio",
                    show=lambda value: formats.percent(value, 0),
                ),
            ),
            marks=page.marks(),
            definition=page.column(f"{WEEKLY}.unthemed_ratio"),
        )
    )
    return parts


def opportunity_rows(page: Page) -> list[dict[str, Any]]:
    """Themes that anything speaks for, the first to look at first."""
    language = "name_pt" if page.texts.language == "pt" else "name_en"
    return page.published.rows(
        f"select *, coalesce({language}, name_en, theme_id) as name from {OPPORTUNITIES}"
        " where mention_count > 0 or lost_account_count > 0 or open_deal_count > 0 or lost_deal_count > 0"
        " order by opportunity_score desc, account_count desc, theme_id"
    )


def opportunities(page: Page) -> list[Part]:
    """Where to look first, with what the order is made of and what is being done."""
    t, formats = page.t, page.formats
    rows = opportunity_rows(page)
    if not rows:
        return [Notice(t("opportunities.none"))]
    shown = rows[:12]
    deliveries: dict[str, dict[str, Any]] = {}
    if not page.published.missing([_DELIVERIES]):
        deliveries = {
            row["delivery_id"]: row
            for row in page.published.rows(f"select delivery_id, delivery_name, status from {_DELIVERIES}")
        }

    def answers(row: dict[str, Any]) -> str | Markup:
        ids = [one for one in (row["delivery_ids"] or "").split(",") if one]
        if not ids:
            return badge(t("opportunities.nothing"), "warn")
        told = []
        for one in ids:
            found = deliveries.get(one)
            name = found["delivery_name"] if found and found["delivery_name"] else one
            state = page.texts.label("statuses", found["status"]) if found else ""
            told.append(Markup("{} {}").format(name, muted(state)))
        return Markup("<br>").join(told)

    def amount(column: str, key: str, *, count: str | None = None) -> Column:
        def show(row: dict[str, Any]) -> str | Markup:
            if count is not None and not row[count]:
                return muted("–")
            return formats.money(row[column])

        return Column(
            t(f"opportunities.{key}"),
            show,
            is_number=True,
            is_wide_only=count is not None,
            definition=page.column(f"{OPPORTUNITIES}.{column}"),
        )

    columns = [
        Column(
            t("themes.theme"),
            lambda row: Markup("{}<span data-wide> {}</span>").format(
                row["name"],
                muted(row["owner"]) if row["owner"] else badge(page.texts("metrics.all.nobody"), "warn"),
            ),
        ),
        Column(
            t("opportunities.score"),
            lambda row: Markup("{}<span data-wide> {}</span>").format(
                formats.number(row["opportunity_score"]),
                muted(
                    t(
                        "opportunities.made_of",
                        accounts=formats.number(100 * row["accounts_score"]),
                        arr=formats.number(100 * row["arr_score"]),
                    )
                ),
            ),
            is_number=True,
            definition=page.column(f"{OPPORTUNITIES}.opportunity_score"),
        ),
        Column(
            t("feedback.accounts"),
            lambda row: Markup("{}<span data-wide> {}</span>").format(
                formats.number(row["account_count"]),
                muted(t("opportunities.was", before=formats.number(row["account_before_count"]))),
            ),
            is_number=True,
            definition=page.column(f"{OPPORTUNITIES}.account_count"),
        ),
        Column(
            t("feedback.mentions"),
            lambda row: formats.number(row["mention_count"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{OPPORTUNITIES}.mention_count"),
        ),
        amount("current_arr_amount", "arr"),
        amount("lost_arr_amount", "lost_arr", count="lost_account_count"),
        amount("open_pipeline_amount", "open", count="open_deal_count"),
        amount("lost_pipeline_amount", "lost", count="lost_deal_count"),
        Column(
            t("opportunities.answered"),
            answers,
            is_wide_only=True,
            definition=page.column(f"{OPPORTUNITIES}.delivery_ids"),
        ),
    ]
    first = rows[0]
    number = formats.number
    sentence = t(
        "opportunities.sentence",
        theme=first["name"],
        accounts=number(first["account_count"]),
        before=number(first["account_before_count"]),
        arr=formats.money(first["current_arr_amount"]),
        mentions=number(first["mention_count"]),
        day=formats.day(page.published.publication.data_as_of),
    )
    unanswered = sum(1 for row in shown if not row["delivery_count"])
    if unanswered:
        sentence += " " + page.texts.plural(
            "customers.opportunities.unanswered", unanswered, total=number(len(shown))
        )
    return [
        Prose(sentence, is_lead=True),
        page.table("opportunities", columns, shown, note=t("opportunities.note")),
    ]


def loops(page: Page) -> list[Part]:
    """Who asked for what was delivered: told, used, still asking; and whom to write to next."""
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select loops.*, account.account_name, account.crm_url, account.arr_amount,"
        " coalesce(delivery.delivery_name, loops.delivery_id) as delivery_name"
        f" from {LOOPS} as loops left join metric.dim_accounts as account"
        " on loops.account_id = account.account_id"
        f" left join {_DELIVERIES} as delivery on loops.delivery_id = delivery.delivery_id"
        " where loops.delivered_at >= ?"
        " order by loops.delivered_at desc, loops.delivery_id, loops.account_id",
        page.today - timedelta(days=_RECENT_DAYS - 1),
    )
    if not rows:
        return [Notice(t("loop.none"))]
    by_delivery: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_delivery.setdefault(row["delivery_id"], []).append(row)

    def told(group: list[dict[str, Any]]) -> int:
        return sum(1 for row in group if row["told_at"] is not None)

    def asking(group: list[dict[str, Any]]) -> int:
        return sum(1 for row in group if row["is_still_asking"])

    measured = [row for row in rows if row["is_use_measured"]]
    used = sum(1 for row in measured if row["used_on"] is not None)
    accounts = {row["account_id"] for row in rows}
    sentence = t(
        "loop.sentence",
        accounts=formats.number(len(accounts)),
        pairs=formats.number(len(rows)),
        deliveries=formats.number(len(by_delivery)),
        day=formats.day(page.today),
        told=share_in_words(page, told(rows), len(rows)),
        asking=share_in_words(page, asking(rows), len(rows)),
    )
    if measured:
        sentence += " " + t(
            "loop.used_sentence",
            used=share_in_words(page, used, len(measured)),
            measured=formats.number(len(measured)),
        )

    def count(key: str, column: str, of: Callable[[list[dict[str, Any]]], str | Markup]) -> Column:
        return Column(t(f"loop.{key}"), of, is_number=True, definition=page.column(f"{LOOPS}.{column}"))

    def uses(group: list[dict[str, Any]]) -> str | Markup:
        if not group[0]["is_use_measured"]:
            return muted(t("loop.unmeasured"))
        return formats.number(sum(1 for row in group if row["used_on"] is not None))

    columns = [
        Column(t("loop.delivery"), lambda group: group[0]["delivery_name"]),
        Column(
            t("loop.released"),
            lambda group: formats.day(group[0]["delivered_at"]),
            is_wide_only=True,
            definition=page.column(f"{LOOPS}.delivered_at"),
        ),
        count("asked", "account_id", lambda group: formats.number(len(group))),
        count("told", "told_at", lambda group: formats.number(told(group))),
        count("used", "used_on", uses),
        count("asking", "is_still_asking", lambda group: formats.number(asking(group))),
    ]
    parts: list[Part] = [
        Prose(sentence, is_lead=True),
        page.table("loop", columns, list(by_delivery.values())[:12], note=t("loop.note")),
    ]
    open_loops = sorted(
        (row for row in rows if row["told_at"] is None),
        key=lambda row: (-float(row["arr_amount"] or 0), row["account_id"], row["delivery_id"]),
    )
    by_account: dict[str, list[dict[str, Any]]] = {}
    for row in open_loops:
        by_account.setdefault(row["account_id"], []).append(row)
    if by_account:
        to_tell = [
            Column(
                t("accounts.account"),
                lambda group: link(group[0]["crm_url"], group[0]["account_name"] or group[0]["account_id"]),
            ),
            Column(
                t("accounts.arr"),
                lambda group: formats.money(group[0]["arr_amount"]),
                is_number=True,
                definition=page.column("metric.dim_accounts.arr_amount"),
            ),
            Column(
                t("loop.untold"),
                lambda group: page.names([row["delivery_name"] for row in group], shown=3),
            ),
            Column(
                t("loop.asking"),
                lambda group: formats.number(asking(group)) if asking(group) else muted("–"),
                is_number=True,
                definition=page.column(f"{LOOPS}.is_still_asking"),
            ),
        ]
        parts.append(
            page.table(
                "loop-open",
                to_tell,
                list(by_account.values())[:10],
                title=page.texts.plural("customers.loop.open", len(by_account)),
                note=t("loop.open_note"),
            )
        )
    return parts
