"""Metrics: revenue and its movements, retention, use, sales, support."""

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
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Prose, Tile, Tiles
from orchestration.publishing.report.standing import FLOWS, Standing, standings, wilson
from orchestration.publishing.report.tables import Column, muted, shaded

_MONTHLY = "metric.mart_metric__mrr_monthly"
_ACTIVE = "metric.mart_metric__active_daily"
_ACTIVATION = "metric.mart_metric__activation"
_COHORTS = "metric.mart_metric__retention_cohorts"
_FEATURES = "metric.mart_metric__feature_adoption"
_PIPELINE = "metric.mart_metric__pipeline"
_PIPELINE_DAILY = "metric.mart_metric__pipeline_daily"
_SUPPORT = "metric.mart_metric__support_performance"
_UP = {"new": GREEN, "reactivation": "#8cc3a0", "expansion": TEAL}
_DOWN = {"contraction": "#dba29a", "churn": RED}
# A share of fewer is told as counts, without a percentage.
TOO_FEW_PEOPLE = 30
_SMALLEST_COHORT = 10
_COHORT_WEEKS = (1, 2, 4, 8, 12, 16, 24, 36, 48)


def build(page: Page) -> None:
    page.section("revenue", [_MONTHLY], lambda: _revenue(page))
    page.section("retention", [_MONTHLY], lambda: _retention(page))
    page.section("use", [_ACTIVE], lambda: _use(page))
    page.section("activation", [_ACTIVATION], lambda: _activation(page))
    page.section("cohorts", [_COHORTS], lambda: _cohorts(page))
    page.section("features", [_FEATURES], lambda: _features(page), lead=page.t("features.lead"))
    page.section("pipeline", [_PIPELINE, _PIPELINE_DAILY], lambda: _pipeline(page))
    page.section("support", [_SUPPORT, "metric.fct_tickets"], lambda: _support(page))
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
        if standing.metric_id in ("csat_ratio", "nps") and standing.count:
            detail = page.t(".on_answers", change=detail, n=page.formats.number(standing.count))
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


def share_in_words(page: Page, part: float, whole: float, *, in_table: bool = False) -> str:
    """A share as a percentage where there are enough to give one, else as a count.

    Arguments:
        in_table: the column says why there are counts in it.
    """
    t, formats = page.texts, page.formats
    if whole < TOO_FEW_PEOPLE:
        key = "share_as_count" if in_table else "share_too_few"
        return t(key, part=formats.number(part), whole=formats.number(whole))
    return formats.percent(part / whole, 0)


def _months(page: Page, count: int) -> pd.DataFrame:
    return page.published.frame(
        f"select * from {_MONTHLY} where segment = 'all' order by month_start_on desc limit ?", count
    ).iloc[::-1]


def revenue_sentence(page: Page) -> str:
    """What changed in the last complete month, and by what; empty without one."""
    if page.published.missing([_MONTHLY]):
        return ""
    months = page.published.rows(
        f"select * from {_MONTHLY} where segment = 'all' and is_complete order by month_start_on desc limit 1"
    )
    if not months:
        return ""
    month, formats = months[0], page.formats
    net = float(month["closing_mrr_amount"]) - float(month["opening_mrr_amount"])
    word = "rose" if net > 0 else "fell" if net < 0 else "same"
    return page.texts(
        f"metrics.revenue.sentence_{word}",
        month=formats.month(month["month_start_on"]),
        closing=formats.money(month["closing_mrr_amount"]),
        net=formats.money(abs(net)),
        new=formats.money(float(month["new_amount"]) + float(month["reactivation_amount"])),
        expansion=formats.money(month["expansion_amount"]),
        lost=formats.money(float(month["churn_amount"]) + float(month["contraction_amount"])),
    )


def _revenue(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    months = _months(page, 19)
    last = months.iloc[-1]
    complete = months[months["is_complete"]]
    parts: list[Part] = []
    if len(complete):
        parts.append(Prose(revenue_sentence(page), is_lead=True))
        month = complete.iloc[-1]
        name = formats.month(month["month_start_on"])
        net = float(month["closing_mrr_amount"]) - float(month["opening_mrr_amount"])
        parts.append(
            Tiles(
                [
                    Tile(
                        t("revenue.mrr_now"),
                        formats.money(last["closing_mrr_amount"]),
                        t(
                            "revenue.mrr_now_detail",
                            arr=formats.money(last["closing_arr_amount"]),
                            before=formats.money(month["closing_mrr_amount"]),
                            month=name,
                        ),
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
    t, formats = page.t, page.formats
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
        note += " " + t("revenue.running", month=formats.month(months.iloc[-1]["month_start_on"]))
    alt = page.in_words(title, data.drop_duplicates("month"), x="month", y="net", show=formats.signed_money)
    return page.series(
        title,
        data,
        x="month",
        draw=lambda marks: page.charts.stacked_bars(
            data,
            x="month",
            y="amount",
            colour="kind",
            colours=colours,
            names=words,
            net="net",
            marks=marks,
            describe=alt,
        ),
        marks=page.marks("mrr", "arr", "customer_count"),
        note=note,
        definition=page.column("metric.fct_mrr_movements"),
    )


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
    told = [f"{label}: {text}" for label, text in zip(data["label"], data["text"], strict=True)]
    svg, is_cut = page.charts.waterfall(data, describe=". ".join([title, *told]))
    return Figure(
        title,
        svg,
        t("revenue.waterfall_note") if is_cut else "",
        page.column("metric.fct_mrr_movements.movement_type"),
    )


def _segments(page: Page) -> Part:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_MONTHLY} where month_start_on = (select max(month_start_on) from {_MONTHLY})"
        " and segment <> 'all' order by closing_mrr_amount desc"
    )
    total = sum(float(row["closing_mrr_amount"]) for row in rows)
    columns = [
        Column(t("revenue.segment"), lambda row: page.texts.label("segments", row["segment"])),
        Column(
            t("revenue.mrr"),
            lambda row: formats.money(row["closing_mrr_amount"]),
            is_number=True,
            definition=page.column(f"{_MONTHLY}.closing_mrr_amount"),
        ),
        Column(
            t("revenue.share"),
            lambda row: formats.percent(float(row["closing_mrr_amount"]) / total if total else None, 0),
            is_number=True,
            definition=page.column(f"{_MONTHLY}.closing_mrr_amount"),
            is_wide_only=True,
        ),
        Column(
            t("revenue.customers_short"),
            lambda row: formats.number(row["closing_customer_count"]),
            is_number=True,
            definition=page.column(f"{_MONTHLY}.closing_customer_count"),
        ),
        Column(
            "NRR",
            lambda row: formats.percent(row["nrr_12m_ratio"]),
            is_number=True,
            definition=page.column(f"{_MONTHLY}.nrr_12m_ratio"),
        ),
        Column(
            "GRR",
            lambda row: formats.percent(row["grr_12m_ratio"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_MONTHLY}.grr_12m_ratio"),
        ),
        Column(
            t("revenue.logo_churn"),
            lambda row: formats.percent(row["logo_churn_12m_ratio"]),
            is_number=True,
            definition=page.column(f"{_MONTHLY}.logo_churn_12m_ratio"),
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
    nrr_column, grr_column = f"nrr_{window}m_ratio", f"grr_{window}m_ratio"
    known = months[months[nrr_column].notna()]
    if known.empty:
        return [Notice(t("retention.too_short"))]
    last = known.iloc[-1]
    nrr, grr = float(last[nrr_column]), float(last[grr_column])
    month = formats.month(last["month_start_on"])
    earlier = known.iloc[-4] if len(known) >= 4 else None

    def against(column: str) -> str:
        if earlier is None:
            return t(".no_comparison")
        return t(
            "retention.before",
            value=formats.percent(float(earlier[column])),
            month=formats.month(earlier["month_start_on"]),
        )

    parts: list[Part] = [
        Prose(
            t(
                "retention.sentence",
                months=window,
                nrr=formats.percent(nrr, 0),
                grr=formats.percent(grr, 0),
                month=month,
            ),
            is_lead=True,
        )
    ]
    tiles: list[Tile] = [
        Tile(
            t("retention.nrr_tile", months=window, month=month),
            formats.percent(nrr),
            against(nrr_column),
            "good" if nrr >= 1 else "bad",
            definition=page.column(f"{_MONTHLY}.{nrr_column}"),
        ),
        Tile(
            t("retention.grr_tile", months=window, month=month),
            formats.percent(grr),
            against(grr_column),
            definition=page.column(f"{_MONTHLY}.{grr_column}"),
        ),
    ]
    if window == 12 and last["logo_churn_12m_ratio"] == last["logo_churn_12m_ratio"]:
        tiles.append(
            Tile(
                t("retention.logo_churn_tile", month=month),
                formats.percent(last["logo_churn_12m_ratio"]),
                against("logo_churn_12m_ratio"),
                definition=page.column(f"{_MONTHLY}.logo_churn_12m_ratio"),
            )
        )
    parts.append(Tiles(tiles))
    if len(known) >= 3:
        data = pd.concat(
            [
                pd.DataFrame(
                    {"month": known["month_start_on"], "kind": name, "ratio": known[column].astype(float)}
                )
                for name, column in (("NRR", nrr_column), ("GRR", grr_column))
            ]
        )
        title = t("retention.title_chart", months=window)
        alt = page.in_words(title, data, x="month", y="ratio", show=formats.percent, by="kind")
        parts.append(
            page.series(
                title,
                data,
                x="month",
                draw=lambda marks: page.charts.lines(
                    data,
                    x="month",
                    y="ratio",
                    colour="kind",
                    colours={"NRR": BLUE, "GRR": AMBER},
                    y_format=".0%",
                    from_zero=False,
                    rule=1.0,
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks("mrr", "arr", "customer_count"),
                note=t("retention.note"),
                definition=page.column(f"{_MONTHLY}.{nrr_column}"),
            )
        )
    return parts


def use_sentence(page: Page) -> str:
    """How many people used the product, against four weeks before; empty where that is not known."""
    people = standings(page.published).get("active_people_7d")
    if people is None or people.value is None or people.change is None:
        return ""
    words, _ = change_in_words(page, people)
    return page.texts(
        "metrics.use.sentence",
        people=page.formats.number(people.value),
        change=words,
        day=page.formats.day(page.today),
    )


def _use(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    all_standings = standings(page.published)
    parts: list[Part] = [
        Prose(use_sentence(page) or t("use.lead"), is_lead=True),
        Tiles(
            [
                tile(page, all_standings[metric])
                for metric in ("active_people_7d", "active_accounts_7d", "stickiness")
                if metric in all_standings
            ]
        ),
    ]
    last = page.today
    data = page.published.frame(
        f"select date_on, segment, active_person_7d_count as people from {_ACTIVE}"
        " where date_on between ? and ? and segment <> 'all' and dayofweek(date_on) = dayofweek(?)"
        " order by date_on",
        last - timedelta(days=7 * 52),
        last,
        last,
    )
    if data["date_on"].nunique() >= 3:
        names = {
            str(segment): page.texts.label("segments", segment)
            for segment in data.groupby("segment")["people"].sum().sort_values(ascending=False).index
        }
        title = t("use.by_segment")
        alt = page.in_words(
            title, data, x="date_on", y="people", show=formats.number, by="segment", names=names
        )
        parts.append(
            page.series(
                title,
                data,
                x="date_on",
                draw=lambda marks: page.charts.lines(
                    data,
                    x="date_on",
                    y="people",
                    colour="segment",
                    colours=dict(zip(names, PALETTE, strict=False)),
                    names=names,
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks("active_people_7d", "active_accounts_7d", "stickiness"),
                note=t("use.note"),
                definition=page.column(f"{_ACTIVE}.active_person_7d_count"),
            )
        )
    return parts


def _activation(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    weeks = page.published.frame(
        f"select * from {_ACTIVATION} where segment = 'all' and is_complete order by cohort_week_on"
    )
    if weeks.empty:
        return [Notice(t("activation.none"))]
    weeks["cohort_week_on"] = pd.to_datetime(weeks["cohort_week_on"])
    end = weeks["cohort_week_on"].max()
    quarter = pd.Timedelta(days=13 * 7)
    now = weeks[weeks["cohort_week_on"] > end - quarter]
    before = weeks[(weeks["cohort_week_on"] <= end - quarter) & (weeks["cohort_week_on"] > end - 2 * quarter)]
    signed, activated = int(now["person_count"].sum()), int(now["activated_person_count"].sum())
    signed_before = int(before["person_count"].sum())
    activated_before = int(before["activated_person_count"].sum())
    window = int(weeks.iloc[-1]["window_days"])
    first_day, last_day = now["cohort_week_on"].min(), end + pd.Timedelta(days=6)
    sentence = t(
        "activation.sentence",
        signed=formats.number(signed),
        start=formats.day(first_day),
        end=formats.day(last_day),
        activated=formats.number(activated),
        window=window,
        share=share_in_words(page, activated, signed),
        before=share_in_words(page, activated_before, signed_before)
        if signed_before
        else t(".no_comparison"),
    )
    if signed >= TOO_FEW_PEOPLE:
        low, high = wilson(activated, signed)
        sentence += " " + t("activation.interval", low=formats.percent(low, 0), high=formats.percent(high, 0))
    funnel = pd.DataFrame(
        {
            "label": [t("activation.signed"), t("activation.activated", window=window)],
            "people": [float(signed), float(activated)],
            "text": [
                formats.number(signed),
                f"{formats.number(activated)} ({share_in_words(page, activated, signed)})",
            ],
        }
    )
    title = t("activation.funnel", start=formats.day(first_day), end=formats.day(last_day))
    told = [f"{label}: {text}" for label, text in zip(funnel["label"], funnel["text"], strict=True)]
    figures = [
        Figure(
            title,
            page.charts.bars(
                funnel, label="label", value="people", text="text", describe=". ".join([title, *told])
            ),
            t("activation.note", window=window),
            page.column(f"{_ACTIVATION}.activated_person_count"),
        )
    ]
    # Four weeks each, counted back from the last complete one: single weeks have too few people.
    weeks["block"] = (end - weeks["cohort_week_on"]).dt.days // 28
    blocks = (
        weeks.groupby("block")
        .agg(
            start=("cohort_week_on", "min"),
            people=("person_count", "sum"),
            activated=("activated_person_count", "sum"),
            weeks=("cohort_week_on", "count"),
        )
        .reset_index()
        .sort_values("start")
    )
    blocks = blocks[(blocks["people"] >= _SMALLEST_COHORT) & (blocks["block"] < 14)]
    if len(blocks) >= 3:
        data = blocks.assign(share=blocks["activated"] / blocks["people"], kind="share")
        title = t("activation.over_time")
        alt = page.in_words(title, data, x="start", y="share", show=lambda value: formats.percent(value, 0))
        figures.append(
            page.series(
                title,
                data,
                x="start",
                draw=lambda marks: page.charts.lines(
                    data,
                    x="start",
                    y="share",
                    colour="kind",
                    colours={"share": BLUE},
                    width=HALF,
                    height=170,
                    y_format=".0%",
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks(),
                note=t("activation.over_time_note", n=_SMALLEST_COHORT),
                definition=page.column(f"{_ACTIVATION}.activation_ratio"),
            )
        )
    return [Prose(sentence, is_lead=True), Pair(figures)]


def _cohorts(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    cells = page.published.rows(
        "select date_trunc('month', cohort_week_on)::date as month, period_number as week,"
        " sum(person_count) as people, sum(returned_person_count) as returned, count(*) as cohorts"
        f" from {_COHORTS} where segment = 'all' and period_unit = 'week' and not is_start_of_recording"
        " group by 1, 2 order by 1, 2"
    )
    by_month: dict[Any, dict[int, dict[str, Any]]] = {}
    for cell in cells:
        by_month.setdefault(cell["month"], {})[int(cell["week"])] = cell
    rows = []
    for month, weeks in by_month.items():
        whole = max(weeks.values(), key=lambda cell: cell["cohorts"])
        # A week that not all of the month's cohorts have reached would be of other people.
        reached = {week: cell for week, cell in weeks.items() if cell["cohorts"] == whole["cohorts"]}
        rows.append({"month": month, "people": int(whole["people"]), "weeks": reached})
    rows = rows[-14:]
    shown = [week for week in _COHORT_WEEKS if any(week in row["weeks"] for row in rows)]
    if not rows or not shown:
        return [Notice(t("cohorts.none"))]

    def of_week(week: int) -> Any:
        def show(row: Any) -> Any:
            found = row["weeks"].get(week)
            if found is None:
                return shaded("", None)
            if row["people"] < _SMALLEST_COHORT:
                return shaded(t(".too_few"), None)
            share = float(found["returned"]) / float(found["people"])
            return shaded(formats.percent(share, 0), share)

        return show

    definition = page.column(f"{_COHORTS}.returned_ratio")
    columns = [
        Column(t("cohorts.month"), lambda row: formats.month(row["month"])),
        Column(
            t("cohorts.people"),
            lambda row: formats.number(row["people"]),
            is_number=True,
            definition=page.column(f"{_COHORTS}.person_count"),
        ),
        *(
            Column(
                t("cohorts.week", n=week),
                of_week(week),
                is_number=True,
                is_wide_only=week in (2, 16, 36, 48),
                definition=definition,
            )
            for week in shown
        ),
    ]
    parts: list[Part] = []
    with_month = [row for row in rows if 4 in row["weeks"] and row["people"] >= _SMALLEST_COHORT]
    if with_month:
        last, earlier = with_month[-1], with_month[-4:-1]

        def fourth(group: list[dict[str, Any]]) -> str:
            people = sum(float(row["weeks"][4]["people"]) for row in group)
            returned = sum(float(row["weeks"][4]["returned"]) for row in group)
            return share_in_words(page, returned, people)

        parts.append(
            Prose(
                t(
                    "cohorts.sentence",
                    n=formats.number(last["people"]),
                    month=formats.month(last["month"]),
                    share=fourth([last]),
                    before=fourth(earlier) if earlier else t(".no_comparison"),
                ),
                is_lead=True,
            )
        )
    parts.append(
        page.table(
            "cohorts",
            columns,
            rows,
            title=t("cohorts.table"),
            note=t("cohorts.note", n=_SMALLEST_COHORT),
            definition=definition,
            kind="matrix",
        )
    )
    return parts


def _features(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(f"select * from {_FEATURES} order by released_at desc, delivery_id limit 12")
    definition = page.column(f"{_FEATURES}.adoption_ratio")

    def of(part: str, whole: str) -> Any:
        def show(row: Any) -> str:
            if not row[whole]:
                return "–"
            return (
                t(
                    "features.of",
                    share=share_in_words(page, float(row[part]), float(row[whole])),
                    part=formats.number(row[part]),
                    whole=formats.number(row[whole]),
                )
                if row[whole] >= TOO_FEW_PEOPLE
                else share_in_words(page, float(row[part]), float(row[whole]), in_table=True)
            )

        return show

    def named(row: Any) -> str | Markup:
        # Of paying accounts, an experiment or a wave gives it to some: a low share is then by design.
        name = row["delivery_name"] or row["delivery_id"]
        if row["rollout"] == "general" or row["exposed_account_count"] is None:
            return str(name)
        given = t("features.given", n=formats.number(row["exposed_account_count"]))
        return Markup("{} {}").format(name, muted(given))

    columns = [
        Column(t("features.feature"), named),
        Column(t("features.released"), lambda row: formats.day(row["released_at"]), is_wide_only=True),
        Column(
            t("features.accounts"),
            of("adopter_account_count", "eligible_account_count"),
            is_number=True,
            definition=definition,
        ),
        Column(
            t("features.arr"),
            lambda row: formats.percent(row["adoption_arr_ratio"], 0),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_FEATURES}.adoption_arr_ratio"),
        ),
        Column(
            t("features.again"),
            of("repeat_account_count", "repeat_base_account_count"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_FEATURES}.repeat_28d_ratio"),
        ),
        Column(
            t("features.owner"),
            lambda row: row["owner"] or muted(t("all.nobody")),
            is_wide_only=True,
        ),
    ]
    return [page.table("features", columns, rows, note=t("features.note"))]


def _pipeline(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    earlier = last - timedelta(days=28)
    levels = {
        row["date_on"]: row
        for row in page.published.rows(
            "select date_on, sum(open_deal_count) as deals, sum(open_amount) as amount,"
            f" sum(weighted_amount) as weighted from {_PIPELINE_DAILY} where segment = 'all'"
            " and date_on in (?, ?) group by 1",
            last,
            earlier,
        )
    }
    nothing = {"deals": 0, "amount": 0, "weighted": 0}
    now, before = levels.get(last, nothing), levels.get(earlier, nothing)
    months = page.published.rows(
        f"select * from {_PIPELINE} where cohort_basis = 'closed' and deal_type = 'all' and segment = 'all'"
        " and is_complete order by month_start_on desc limit 6"
    )
    won, lost = (sum(int(row[f"{kind}_deal_count"]) for row in months[:3]) for kind in ("won", "lost"))
    won_before, lost_before = (
        sum(int(row[f"{kind}_deal_count"]) for row in months[3:]) for kind in ("won", "lost")
    )
    parts: list[Part] = [
        Prose(
            t(
                "pipeline.sentence",
                deals=formats.number(now["deals"]),
                amount=formats.money(now["amount"]),
                day=formats.day(last),
                before=formats.money(before["amount"]),
                earlier=formats.day(earlier),
            ),
            is_lead=True,
        )
    ]
    tiles = [
        Tile(
            t("pipeline.open"),
            formats.money(now["amount"]),
            t("pipeline.open_detail", before=formats.money(before["amount"])),
            definition=page.column(f"{_PIPELINE_DAILY}.open_amount"),
        ),
        Tile(
            t("pipeline.weighted"),
            formats.money(now["weighted"]),
            t("pipeline.open_detail", before=formats.money(before["weighted"])),
            definition=page.column(f"{_PIPELINE_DAILY}.weighted_amount"),
        ),
    ]
    if months and won + lost:
        tiles.append(
            Tile(
                t("pipeline.win", months=len(months[:3]), month=formats.month(months[0]["month_start_on"])),
                share_in_words(page, won, won + lost),
                t(
                    "pipeline.win_detail",
                    won=formats.number(won),
                    closed=formats.number(won + lost),
                    before=share_in_words(page, won_before, won_before + lost_before)
                    if won_before + lost_before
                    else t(".no_comparison"),
                ),
                definition=page.column(f"{_PIPELINE}.win_ratio"),
            )
        )
    parts.append(Tiles(tiles))
    data = page.published.frame(
        "select date_on, stage_id, max(pipeline_name || ': ' || stage_name) as stage,"
        " max(pipeline_id) as pipeline_id, max(stage_position) as stage_position,"
        f" sum(open_amount)::double as amount from {_PIPELINE_DAILY} where segment = 'all'"
        " and date_on between ? and ? and dayofweek(date_on) = dayofweek(?) group by 1, 2 order by 1, 2",
        last - timedelta(days=7 * 26),
        last,
        last,
    )
    if data["date_on"].nunique() >= 3:
        stages = data.drop_duplicates("stage_id").sort_values(["pipeline_id", "stage_position", "stage_id"])
        names = dict(zip(stages["stage_id"], stages["stage"].fillna("–"), strict=True))
        shades = ("#123f66", BLUE, "#4f8cbb", LIGHT_BLUE, "#c7dcec", "#7c5a10", AMBER, "#e6c284", GREY, TEAL)
        title = t("pipeline.chart")
        totals = data.groupby("date_on")["amount"].sum().reset_index()
        alt = page.in_words(title, totals, x="date_on", y="amount", show=formats.money)
        parts.append(
            page.series(
                title,
                data,
                x="date_on",
                draw=lambda marks: page.charts.stacked_bars(
                    data,
                    x="date_on",
                    y="amount",
                    colour="stage_id",
                    colours={stage: shades[number % len(shades)] for number, stage in enumerate(names)},
                    names=names,
                    height=220,
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks("deals_won_amount"),
                note=t("pipeline.note"),
                definition=page.column(f"{_PIPELINE_DAILY}.open_amount"),
            )
        )
    return parts


def _support(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    all_standings = standings(page.published)
    parts: list[Part] = []
    created, reply = all_standings.get("tickets_created"), all_standings.get("first_reply_minutes_median")
    if created is not None and created.value is not None and reply is not None:
        parts.append(
            Prose(
                t(
                    "support.sentence",
                    tickets=formats.number(created.value),
                    before=formats.number(created.before),
                    day=formats.day(page.today),
                    reply=formats.minutes(reply.value),
                    reply_before=formats.minutes(reply.before),
                ),
                is_lead=True,
            )
        )
    parts.append(
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
    )
    last = page.today
    weekly = page.published.frame(
        "select starts_on, created_ticket_count as tickets, first_reply_minutes_p50 / 60 as calendar,"
        f" first_reply_business_minutes_p50 / 60 as business from {_SUPPORT} where period_unit = 'week'"
        " and team_id = 'all' and segment = 'all' and is_complete and starts_on >= ? order by starts_on",
        last - timedelta(days=7 * 52),
    )
    if len(weekly) >= 3:
        title = t("support.created")
        tickets = weekly.assign(kind="tickets")
        figures = [
            page.series(
                title,
                tickets,
                x="starts_on",
                draw=lambda marks: page.charts.stacked_bars(
                    tickets,
                    x="starts_on",
                    y="tickets",
                    colour="kind",
                    width=HALF,
                    height=200,
                    colours={"tickets": LIGHT_BLUE},
                    marks=marks,
                    describe=page.in_words(title, tickets, x="starts_on", y="tickets", show=formats.number),
                ),
                marks=page.marks("tickets_created", "ticket_backlog"),
                definition=page.column(f"{_SUPPORT}.created_ticket_count"),
            )
        ]
        names = {"calendar": t("support.calendar"), "business": t("support.business")}
        waits = pd.concat(
            [
                pd.DataFrame(
                    {"starts_on": weekly["starts_on"], "kind": kind, "hours": weekly[kind].astype(float)}
                )
                for kind in names
            ]
        ).dropna(subset=["hours"])
        if len(waits) >= 3:
            reply_title = t("support.reply")
            figures.append(
                page.series(
                    reply_title,
                    waits,
                    x="starts_on",
                    draw=lambda marks: page.charts.lines(
                        waits,
                        x="starts_on",
                        y="hours",
                        colour="kind",
                        width=HALF,
                        height=200,
                        colours={"calendar": BLUE, "business": AMBER},
                        names=names,
                        y_format=".1f",
                        marks=marks,
                        describe=page.in_words(
                            reply_title,
                            waits,
                            x="starts_on",
                            y="hours",
                            show=lambda value: formats.number(value, 1),
                            by="kind",
                            names=names,
                        ),
                    ),
                    marks=page.marks("first_reply_minutes_median"),
                    definition=page.column(f"{_SUPPORT}.first_reply_minutes_p50"),
                )
            )
        parts.append(Pair(figures))
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
            Column(
                t("support.tickets"),
                lambda row: formats.number(row["tickets"]),
                is_number=True,
                definition=page.column("metric.fct_tickets"),
            ),
            Column(
                t("support.half_within"),
                lambda row: formats.minutes(row["reply"]),
                is_number=True,
                definition=page.column("metric.fct_tickets.first_reply_minutes"),
            ),
            Column(
                t("support.nine_within"),
                lambda row: formats.minutes(row["slow_reply"]),
                definition=page.column("metric.fct_tickets.first_reply_minutes"),
                is_number=True,
                is_wide_only=True,
            ),
            Column(
                t("support.resolved"),
                lambda row: formats.minutes(row["resolution"]),
                definition=page.column("metric.fct_tickets.full_resolution_minutes"),
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
        Column(
            t("all.now"), value, is_number=True, definition=page.column("metric.mart_metric__daily.value")
        ),
        Column(t("all.change"), lambda row: _change(page, row), is_wide_only=True),
        Column(
            t("all.target"),
            lambda row: formats.of_unit(row.target, row.unit),
            is_number=True,
            definition=page.column("metric.dim_metrics.target_value"),
        ),
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
