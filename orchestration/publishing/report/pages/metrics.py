"""Metrics: revenue and its movements, retention, use, support."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    HALF,
    LIGHT_BLUE,
    PALETTE,
    RED,
    TEAL,
    sparkline,
)
from orchestration.publishing.report.page import Figure, Page, Pair, Part, Tile, Tiles
from orchestration.publishing.report.standing import FLOWS, Standing, standings
from orchestration.publishing.report.tables import Column

_MONTHLY = "metric.mart_metric__mrr_monthly"
_UP = {"new": GREEN, "reactivation": "#8cc3a0", "expansion": TEAL}
_DOWN = {"contraction": "#dba29a", "churn": RED}


def build(page: Page) -> None:
    page.section("revenue", [_MONTHLY], lambda: _revenue(page), lead=page.t("revenue.lead"))
    page.section("retention", [_MONTHLY], lambda: _retention(page), lead=page.t("retention.lead"))
    page.section("use", ["metric.mart_metric__active_daily"], lambda: _use(page), lead=page.t("use.lead"))
    page.section("support", ["metric.fct_tickets", "metric.mart_metric__daily"], lambda: _support(page))
    page.section(
        "all",
        ["metric.dim_metrics", "metric.mart_metric__daily"],
        lambda: _all(page),
        lead=page.t("all.lead"),
    )


def tile(page: Page, standing: Standing) -> Tile:
    """A metric as a tile: value, change against four weeks before, the last half year as a line."""
    anchor = page.metric(standing.metric_id)
    value = page.formats.of_unit(standing.value, standing.unit)
    tone, detail = "plain", page.t(".no_comparison")
    if standing.is_too_few:
        value = page.t(".too_few")
        detail = page.t(".too_few_detail", n=page.formats.number(standing.count or 0))
    elif standing.change is not None:
        detail, tone = change_in_words(page, standing)
    name = page.metric_name(standing.metric_id, standing.name)
    spark = Markup(sparkline(standing.series, page.t(".spark", name=name)))
    return Tile(name, value, detail, tone, spark, anchor)


def change_in_words(page: Page, standing: Standing) -> tuple[str, str]:
    """The change against four weeks before, and its tone."""
    change = standing.change or 0.0
    formats = page.formats
    if standing.unit == "ratio":
        amount = page.t(".points", n=formats.number(abs(change) * 100, 1))
        is_flat = abs(change) < 0.0005
    elif standing.unit == "points":
        amount = page.t(".points", n=formats.number(abs(change), 1))
        is_flat = abs(change) < 0.05
    elif standing.relative_change is None:
        amount = formats.of_unit(abs(change), standing.unit)
        is_flat = change == 0
    else:
        amount = formats.percent(abs(standing.relative_change))
        is_flat = abs(standing.relative_change) < 0.0005
    if is_flat:
        return page.t(".unchanged"), "plain"
    if standing.is_within_chance:
        return page.t(".within_chance", amount=amount, sign="+" if change > 0 else "−"), "plain"
    direction = "up" if change > 0 else "down"
    kind = "window" if standing.metric_id in FLOWS or standing.unit == "minutes" else "level"
    return page.t(f".{direction}_{kind}", amount=amount), "good" if standing.is_good else "bad"


def _months(page: Page, count: int) -> pd.DataFrame:
    return page.published.frame(
        f"select * from {_MONTHLY} where segment = 'all' order by month_start_on desc limit ?", count
    ).iloc[::-1]


def _revenue(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    months = _months(page, 19)
    last = months.iloc[-1]
    complete = months[months["is_complete"]]
    parts: list[Part] = []
    if len(complete):
        month = complete.iloc[-1]
        name = formats.month(month["month_start_on"])
        net = float(month["closing_mrr_amount"]) - float(month["opening_mrr_amount"])
        parts.append(
            Tiles(
                [
                    Tile(
                        t("revenue.mrr_now"),
                        formats.money(last["closing_mrr_amount"]),
                        t("revenue.arr_now", amount=formats.money(last["closing_arr_amount"])),
                        definition=page.column(f"{_MONTHLY}.closing_mrr_amount"),
                    ),
                    Tile(
                        t("revenue.net", month=name),
                        formats.signed_money(net),
                        t("revenue.net_share", share=_share(page, net, month["opening_mrr_amount"])),
                        "good" if net > 0 else "bad" if net < 0 else "plain",
                        definition=page.column("metric.fct_mrr_movements.movement_type"),
                    ),
                    Tile(
                        t("revenue.customers"),
                        formats.number(last["closing_customer_count"]),
                        t(
                            "revenue.customers_moved",
                            month=name,
                            new=formats.number(month["new_customer_count"]),
                            lost=formats.number(month["churned_customer_count"]),
                        ),
                        definition=page.column(f"{_MONTHLY}.closing_customer_count"),
                    ),
                    Tile(
                        t("revenue.quick_ratio", month=name),
                        formats.number(month["quick_ratio"], 1),
                        t("revenue.quick_ratio_detail"),
                        definition=page.column(f"{_MONTHLY}.quick_ratio"),
                    ),
                ]
            )
        )
    parts.append(_movements(page, months))
    if len(complete) >= 2:
        parts.append(_waterfall(page, complete.tail(12)))
    parts.append(_segments(page))
    return parts


def _share(page: Page, part: Any, whole: Any) -> str:
    return page.formats.percent(float(part) / float(whole)) if float(whole) else "–"


def _movements(page: Page, months: pd.DataFrame) -> Figure:
    t = page.t
    words = {kind: t(f".movements.{kind}") for kind in [*_UP, *_DOWN, "other"]}
    rows = []
    for month in months.to_dict("records"):
        other = float(month["segment_transfer_amount"]) + float(month["fx_restatement_amount"])
        net = float(month["closing_mrr_amount"]) - float(month["opening_mrr_amount"])
        amounts = {kind: float(month[f"{kind}_amount"]) for kind in _UP}
        amounts |= {kind: -float(month[f"{kind}_amount"]) for kind in _DOWN}
        amounts["other"] = other
        rows += [
            {"month": month["month_start_on"], "kind": kind, "amount": amount, "net": net}
            for kind, amount in amounts.items()
        ]
    data = pd.DataFrame(rows)
    colours = {**_UP, **_DOWN, "other": GREY}
    if not (data["kind"].eq("other") & data["amount"].ne(0)).any():
        data = data[data["kind"] != "other"]
        colours.pop("other")
    complete = months[months["is_complete"]]
    rising = int((complete["closing_mrr_amount"] > complete["opening_mrr_amount"]).sum())
    title = t("revenue.movements_title", rising=rising, months=len(complete))
    note = t("revenue.movements_note")
    if not bool(months.iloc[-1]["is_complete"]):
        note += " " + t("revenue.running", month=page.formats.month(months.iloc[-1]["month_start_on"]))
    svg = page.charts.stacked_bars(
        data, x="month", y="amount", colour="kind", colours=colours, names=words, net="net", describe=title
    )
    return Figure(title, svg, note, page.column("metric.fct_mrr_movements"))


def _waterfall(page: Page, months: pd.DataFrame) -> Figure:
    t, formats = page.t, page.formats
    first, last = months.iloc[0], months.iloc[-1]
    level = float(first["opening_mrr_amount"])
    steps = [("opening", 0.0, level, "total", formats.money(level))]
    for kind in [*_UP, *_DOWN, "segment_transfer", "fx_restatement"]:
        amount = float(months[f"{kind}_amount"].astype(float).sum()) * (-1 if kind in _DOWN else 1)
        if abs(amount) >= 0.005:
            low, high = sorted((level, level + amount))
            steps.append((kind, low, high, "up" if amount > 0 else "down", formats.signed_money(amount)))
            level += amount
    closing = float(last["closing_mrr_amount"])
    steps.append(("closing", 0.0, closing, "total", formats.money(closing)))
    data = pd.DataFrame(steps, columns=["key", "low", "high", "kind", "text"])
    data["label"] = [t(f".movements.{key}") for key in data["key"]]
    title = t(
        "revenue.waterfall_title",
        months=len(months),
        start=formats.money(float(first["opening_mrr_amount"])),
        end=formats.money(closing),
        month=formats.month(last["month_start_on"]),
    )
    svg, is_cut = page.charts.waterfall(data, describe=title)
    return Figure(title, svg, t("revenue.waterfall_note") if is_cut else "")


def _segments(page: Page) -> Part:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_MONTHLY} where month_start_on = (select max(month_start_on) from {_MONTHLY})"
        " and segment <> 'all' order by closing_mrr_amount desc"
    )
    total = sum(float(row["closing_mrr_amount"]) for row in rows)
    columns = [
        Column(t("revenue.segment"), lambda row: page.texts.label("segments", row["segment"])),
        Column(t("revenue.mrr"), lambda row: formats.money(row["closing_mrr_amount"]), is_number=True),
        Column(
            t("revenue.share"),
            lambda row: formats.percent(float(row["closing_mrr_amount"]) / total if total else None, 0),
            is_number=True,
            is_wide_only=True,
        ),
        Column(
            t("revenue.customers_short"),
            lambda row: formats.number(row["closing_customer_count"]),
            is_number=True,
        ),
        Column("NRR", lambda row: formats.percent(row["nrr_12m_ratio"]), is_number=True),
        Column("GRR", lambda row: formats.percent(row["grr_12m_ratio"]), is_number=True, is_wide_only=True),
        Column(
            t("revenue.logo_churn"),
            lambda row: formats.percent(row["logo_churn_12m_ratio"]),
            is_number=True,
            is_wide_only=True,
        ),
    ]
    return page.table(
        "segments", columns, rows, title=t("revenue.by_segment"), note=t("revenue.by_segment_note")
    )


def _retention(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    months = _months(page, 19)
    months = months[months["is_complete"]]
    with_year = months[months["nrr_12m_ratio"].notna()]
    window = 12 if len(with_year) else 3 if months["nrr_3m_ratio"].notna().any() else 1
    known = months[months[f"nrr_{window}m_ratio"].notna()]
    if known.empty:
        from orchestration.publishing.report.page import Notice

        return [Notice(t("retention.too_short"))]
    last = known.iloc[-1]
    nrr, grr = float(last[f"nrr_{window}m_ratio"]), float(last[f"grr_{window}m_ratio"])
    month = formats.month(last["month_start_on"])
    definition = page.column(f"{_MONTHLY}.nrr_{window}m_ratio")
    tiles: list[Tile] = [
        Tile(
            t("retention.nrr_tile", months=window),
            formats.percent(nrr),
            t("retention.nrr_grew" if nrr >= 1 else "retention.nrr_shrank", month=month),
            "good" if nrr >= 1 else "bad",
            definition=definition,
        ),
        Tile(
            t("retention.grr_tile", months=window),
            formats.percent(grr),
            t("retention.grr_detail", lost=formats.percent(1 - grr)),
            definition=page.column(f"{_MONTHLY}.grr_{window}m_ratio"),
        ),
    ]
    if window == 12 and last["logo_churn_12m_ratio"] == last["logo_churn_12m_ratio"]:
        tiles.append(
            Tile(
                t("retention.logo_churn_tile"),
                formats.percent(last["logo_churn_12m_ratio"]),
                t("retention.logo_churn_detail"),
                definition=page.column(f"{_MONTHLY}.logo_churn_12m_ratio"),
            )
        )
    parts: list[Part] = [Tiles(tiles)]
    if len(known) >= 3:
        data = pd.concat(
            [
                pd.DataFrame(
                    {"month": known["month_start_on"], "kind": name, "ratio": known[column].astype(float)}
                )
                for name, column in (("NRR", f"nrr_{window}m_ratio"), ("GRR", f"grr_{window}m_ratio"))
            ]
        )
        title = t("retention.title_chart", months=window)
        svg = page.charts.lines(
            data,
            x="month",
            y="ratio",
            colour="kind",
            colours={"NRR": BLUE, "GRR": AMBER},
            y_format=".0%",
            from_zero=False,
            rule=1.0,
            describe=title,
        )
        parts.append(Figure(title, svg, t("retention.note"), definition))
    return parts


def _use(page: Page) -> list[Part]:
    t = page.t
    all_standings = standings(page.published)
    parts: list[Part] = [
        Tiles(
            [
                tile(page, all_standings[metric])
                for metric in ("active_people_7d", "active_accounts_7d", "stickiness")
                if metric in all_standings
            ]
        )
    ]
    last = page.today
    data = page.published.frame(
        "select date_on, segment, active_person_7d_count as people from metric.mart_metric__active_daily"
        " where date_on between ? and ? and segment <> 'all' and dayofweek(date_on) = dayofweek(?)"
        " order by date_on",
        last - timedelta(days=7 * 52),
        last,
        last,
    )
    if data["date_on"].nunique() >= 3:
        names = {
            segment: page.texts.label("segments", segment)
            for segment in data.groupby("segment")["people"].sum().sort_values(ascending=False).index
        }
        title = t("use.by_segment")
        svg = page.charts.lines(
            data,
            x="date_on",
            y="people",
            colour="segment",
            describe=title,
            colours=dict(zip(names, PALETTE, strict=False)),
            names=names,
        )
        parts.append(
            Figure(
                title,
                svg,
                t("use.note"),
                page.column("metric.mart_metric__active_daily.active_person_7d_count"),
            )
        )
    return parts


def _support(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    all_standings = standings(page.published)
    parts: list[Part] = [
        Tiles(
            [
                tile(page, all_standings[metric])
                for metric in (
                    "tickets_created",
                    "ticket_backlog",
                    "first_reply_minutes_median",
                    "csat_ratio",
                )
                if metric in all_standings
            ]
        )
    ]
    last = page.today
    weekly = page.published.frame(
        "select date_trunc('week', created_at)::date as week, count(*) as tickets,"
        " median(first_reply_minutes) / 60 as reply_hours from metric.fct_tickets"
        " where created_at >= ? and created_at < date_trunc('week', ?::timestamp) group by 1 order by 1",
        last - timedelta(days=7 * 52),
        last + timedelta(days=1),
    )
    if len(weekly) >= 3:
        created = t("support.created")
        reply = t("support.reply")
        parts.append(
            Pair(
                [
                    Figure(
                        created,
                        page.charts.stacked_bars(
                            weekly.assign(kind="tickets"),
                            x="week",
                            y="tickets",
                            colour="kind",
                            width=HALF,
                            height=200,
                            colours={"tickets": LIGHT_BLUE},
                            describe=created,
                        ),
                        definition=page.metric("tickets_created"),
                    ),
                    Figure(
                        reply,
                        page.charts.lines(
                            weekly.assign(kind="reply"),
                            x="week",
                            y="reply_hours",
                            colour="kind",
                            width=HALF,
                            height=200,
                            colours={"reply": BLUE},
                            y_format=".1f",
                            describe=reply,
                        ),
                        definition=page.metric("first_reply_minutes_median"),
                    ),
                ]
            )
        )
    urgent = page.published.rows(
        "select coalesce(priority, 'none') as priority, count(*) as tickets,"
        " median(first_reply_minutes) as reply,"
        " quantile_cont(first_reply_minutes, 0.9) as slow_reply, median(full_resolution_minutes) as"
        " resolution"
        " from metric.fct_tickets where created_at >= ? group by 1"
        " order by case coalesce(priority, 'none') when 'urgent' then 0 when 'high' then 1 when"
        " 'normal' then 2"
        " when 'low' then 3 else 4 end",
        last - timedelta(days=89),
    )
    if urgent:
        columns = [
            Column(t("support.priority"), lambda row: page.texts.label("priorities", row["priority"])),
            Column(t("support.tickets"), lambda row: formats.number(row["tickets"]), is_number=True),
            Column(t("support.half_within"), lambda row: formats.minutes(row["reply"]), is_number=True),
            Column(
                t("support.nine_within"),
                lambda row: formats.minutes(row["slow_reply"]),
                is_number=True,
                is_wide_only=True,
            ),
            Column(
                t("support.resolved"),
                lambda row: formats.minutes(row["resolution"]),
                is_number=True,
                is_wide_only=True,
            ),
        ]
        parts.append(
            page.table("priorities", columns, urgent, title=t("support.by_priority"), note=t("support.note"))
        )
    return parts


def _all(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = list(standings(page.published).values())

    def value(row: Any) -> str:
        return t(".too_few") if row.is_too_few else formats.of_unit(row.value, row.unit)

    columns: list[Column] = [
        Column(
            t("all.metric"),
            lambda row: Markup('<a href="{}">{}</a>').format(
                page.metric(row.metric_id), page.metric_name(row.metric_id, row.name)
            ),
        ),
        Column(t("all.now"), value, is_number=True),
        Column(t("all.change"), lambda row: _change(page, row), is_wide_only=True),
        Column(t("all.target"), lambda row: formats.of_unit(row.target, row.unit), is_number=True),
        Column(
            t("all.owner"),
            lambda row: row.owner or Markup('<span class="badge warn">{}</span>').format(t("all.nobody")),
            is_wide_only=True,
        ),
    ]
    return [page.table("all", columns, rows, note=t("all.note"))]


def _change(page: Page, standing: Standing) -> str | Markup:
    if standing.change is None or standing.is_too_few:
        return "–"
    words, tone = change_in_words(page, standing)
    return Markup('<span class="tone-{}">{}</span>').format(tone, words)
