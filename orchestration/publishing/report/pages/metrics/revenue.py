"""Revenue: its movements, where it comes from, and what stays of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from orchestration.publishing.report.drawing import AMBER, BLUE, GREEN, GREY, RED, TEAL
from orchestration.publishing.report.page import Figure, Notice, Page, Part, Prose, Tile, Tiles
from orchestration.publishing.report.tables import Column

MONTHLY = "metric.mart_metric__mrr_monthly"
_UP = {"new": GREEN, "reactivation": "#8cc3a0", "expansion": TEAL}
_DOWN = {"contraction": "#dba29a", "churn": RED}


def _months(page: Page, count: int) -> pd.DataFrame:
    return page.published.frame(
        f"select * from {MONTHLY} where segment = 'all' order by month_start_on desc limit ?", count
    ).iloc[::-1]


def revenue_sentence(page: Page) -> str:
    """What changed in the last complete month, and by what; empty without one."""
    if page.published.missing([MONTHLY]):
        return ""
    months = page.published.rows(
        f"select * from {MONTHLY} where segment = 'all' and is_complete order by month_start_on desc limit 1"
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


def revenue(page: Page) -> list[Part]:
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
                        definition=page.column(f"{MONTHLY}.closing_mrr_amount"),
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
                        definition=page.column(f"{MONTHLY}.closing_customer_count"),
                    ),
                    Tile(
                        t("revenue.quick_ratio", month=name),
                        formats.number(month["quick_ratio"], 1),
                        t("revenue.quick_ratio_detail"),
                        definition=page.column(f"{MONTHLY}.quick_ratio"),
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
        f"select * from {MONTHLY} where month_start_on = (select max(month_start_on) from {MONTHLY})"
        " and segment <> 'all' order by closing_mrr_amount desc"
    )
    total = sum(float(row["closing_mrr_amount"]) for row in rows)
    columns = [
        Column(t("revenue.segment"), lambda row: page.texts.label("segments", row["segment"])),
        Column(
            t("revenue.mrr"),
            lambda row: formats.money(row["closing_mrr_amount"]),
            is_number=True,
            definition=page.column(f"{MONTHLY}.closing_mrr_amount"),
        ),
        Column(
            t("revenue.share"),
            lambda row: formats.percent(float(row["closing_mrr_amount"]) / total if total else None, 0),
            is_number=True,
            definition=page.column(f"{MONTHLY}.closing_mrr_amount"),
            is_wide_only=True,
        ),
        Column(
            t("revenue.customers_short"),
            lambda row: formats.number(row["closing_customer_count"]),
            is_number=True,
            definition=page.column(f"{MONTHLY}.closing_customer_count"),
        ),
        Column(
            "NRR",
            lambda row: formats.percent(row["nrr_12m_ratio"]),
            is_number=True,
            definition=page.column(f"{MONTHLY}.nrr_12m_ratio"),
        ),
        Column(
            "GRR",
            lambda row: formats.percent(row["grr_12m_ratio"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{MONTHLY}.grr_12m_ratio"),
        ),
        Column(
            t("revenue.logo_churn"),
            lambda row: formats.percent(row["logo_churn_12m_ratio"]),
            is_number=True,
            definition=page.column(f"{MONTHLY}.logo_churn_12m_ratio"),
            is_wide_only=True,
        ),
    ]
    return page.table(
        "segments", columns, rows, title=t("revenue.by_segment"), note=t("revenue.by_segment_note")
    )


def retention(page: Page) -> list[Part]:
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
            definition=page.column(f"{MONTHLY}.{nrr_column}"),
        ),
        Tile(
            t("retention.grr_tile", months=window, month=month),
            formats.percent(grr),
            against(grr_column),
            definition=page.column(f"{MONTHLY}.{grr_column}"),
        ),
    ]
    if window == 12 and last["logo_churn_12m_ratio"] == last["logo_churn_12m_ratio"]:
        tiles.append(
            Tile(
                t("retention.logo_churn_tile", month=month),
                formats.percent(last["logo_churn_12m_ratio"]),
                against("logo_churn_12m_ratio"),
                definition=page.column(f"{MONTHLY}.logo_churn_12m_ratio"),
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
                definition=page.column(f"{MONTHLY}.{nrr_column}"),
            )
        )
    return parts
