"""Customers: what they say, how satisfied they are, who they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd

from orchestration.publishing.report.charts import AMBER, BLUE, GREEN, GREY, HALF, LIGHT_BLUE, PALETTE, RED
from orchestration.publishing.report.page import Figure, Page, Pair, Part, Point, Points, Prose, Tile, Tiles
from orchestration.publishing.report.pages.metrics import tile
from orchestration.publishing.report.standing import nps_half_width, standings, wilson
from orchestration.publishing.report.tables import Column, link, muted

_FEEDBACK = "insight.fct_feedback"
_KIND_COLOURS = {
    "bug": RED,
    "complaint": "#dba29a",
    "request": BLUE,
    "question": LIGHT_BLUE,
    "praise": GREEN,
    "loss_reason": AMBER,
    "unknown": GREY,
}


def build(page: Page) -> None:
    page.section("feedback", [_FEEDBACK], lambda: _feedback(page))
    page.section(
        "satisfaction", ["metric.mart_metric__daily", "metric.dim_metrics"], lambda: _satisfaction(page)
    )
    page.section("losses", ["metric.fct_deals"], lambda: _losses(page), lead=page.t("losses.lead"))
    page.section("accounts", ["metric.dim_accounts"], lambda: _accounts(page), lead=page.t("accounts.lead"))


def feedback_by_week(
    page: Page, by: str, colours: dict[str, str], group: str, *, width: int, weeks: int
) -> Figure:
    """Stacked weekly counts of feedback by a column."""
    last = page.today
    data = page.published.frame(
        f"select date_trunc('week', occurred_at)::date as week, coalesce({by}, 'unknown') as part,"
        " count(*) as items"
        f" from {_FEEDBACK} where occurred_at >= date_trunc('week', ?::timestamp)"
        " and occurred_at < date_trunc('week', ?::timestamp) group by 1, 2 order by 1, 2",
        last - timedelta(days=7 * weeks),
        last + timedelta(days=1),
    )
    names = {part: page.texts.label(group, part) for part in colours}
    data = data[data["part"].isin(list(names))]
    title = page.texts(f"customers.feedback.by_{by}")
    totals = data.groupby("week")["items"].sum().reset_index()
    shown = {part: colour for part, colour in colours.items() if part in set(data["part"])}
    return page.series(
        title,
        data,
        x="week",
        draw=lambda marks: page.charts.stacked_bars(
            data,
            x="week",
            y="items",
            colour="part",
            width=width,
            height=240,
            describe=page.in_words(title, totals, x="week", y="items", show=page.formats.number),
            colours=shown,
            names=names,
            marks=marks,
        ),
        marks=page.marks("tickets_created", "nps", "csat_ratio"),
        definition=page.column(f"{_FEEDBACK}.{by}"),
    )


def kind_figure(page: Page, width: int = HALF) -> Figure:
    return feedback_by_week(page, "kind", _KIND_COLOURS, "kinds", width=width, weeks=26)


def tag_rows(page: Page, days: int, limit: int) -> list[dict[str, Any]]:
    """The source's own tags of the last `days`, by the accounts behind them."""
    last = page.today
    return page.published.rows(
        "with tags as (select trim(unnest(string_split(tags, ';'))) as tag, account_id, arr_amount,"
        " occurred_at"
        f" from {_FEEDBACK} where tags is not null and occurred_at >= ?),"
        " per_account as (select tag, account_id, count(*) as mentions, max(arr_amount) as arr from tags"
        " where tag <> '' and occurred_at >= ? group by tag, account_id),"
        " before as (select tag, count(distinct account_id) as accounts from tags where occurred_at"
        " < ? group by tag)"
        " select per_account.tag, sum(mentions) as mentions, count(account_id) as accounts,"
        " sum(case when account_id is not null then arr end) as arr, max(before.accounts) as accounts_before"
        " from per_account left join before on per_account.tag = before.tag"
        " group by per_account.tag order by accounts desc, mentions desc, per_account.tag limit ?",
        last - timedelta(days=2 * days - 1),
        last - timedelta(days=days - 1),
        last - timedelta(days=days - 1),
        limit,
    )


def tag_table(page: Page, days: int, limit: int) -> Part:
    t, formats = page.texts, page.formats
    columns = [
        Column(t("customers.feedback.tag"), lambda row: row["tag"]),
        Column(
            t("customers.feedback.accounts"),
            lambda row: formats.number(row["accounts"]),
            is_number=True,
            definition=page.column(f"{_FEEDBACK}.account_id"),
        ),
        Column(
            t("customers.feedback.before"),
            lambda row: formats.number(row["accounts_before"] or 0),
            is_number=True,
            definition=page.column(f"{_FEEDBACK}.account_id"),
            is_wide_only=True,
        ),
        Column(
            t("customers.feedback.mentions"),
            lambda row: formats.number(row["mentions"]),
            is_number=True,
            definition=page.column(f"{_FEEDBACK}.feedback_id"),
            is_wide_only=True,
        ),
        Column(
            t("customers.feedback.arr"),
            lambda row: formats.money(row["arr"]),
            is_number=True,
            definition=page.column(f"{_FEEDBACK}.arr_amount"),
        ),
    ]
    return page.table(
        "tags",
        columns,
        tag_rows(page, days, limit),
        title=t("customers.feedback.tags", days=days),
        note=t("customers.feedback.tags_note"),
        definition=page.column(f"{_FEEDBACK}.arr_amount"),
    )


def _feedback(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    counts = page.published.row(
        "select count(*) filter (where occurred_at >= ?) as now,"
        " count(*) filter (where occurred_at >= ? and occurred_at < ?) as before,"
        " count(distinct account_id) filter (where occurred_at >= ?) as accounts,"
        " count(*) filter (where occurred_at >= ? and account_id is null) as unmatched,"
        f" count(*) filter (where occurred_at >= ? and kind is null) as unknown from {_FEEDBACK}",
        last - timedelta(days=27),
        last - timedelta(days=55),
        last - timedelta(days=27),
        last - timedelta(days=27),
        last - timedelta(days=27),
        last - timedelta(days=27),
    )
    now = counts["now"]
    sentence = t(
        "feedback.sentence",
        n=formats.number(now),
        before=formats.number(counts["before"]),
        accounts=formats.number(counts["accounts"]),
        day=formats.day(last),
    )
    tiles = Tiles(
        [
            Tile(
                t("feedback.items"),
                formats.number(now),
                t("feedback.items_before", n=formats.number(counts["before"])),
                definition=page.column(_FEEDBACK),
            ),
            Tile(
                t("feedback.accounts_tile"),
                formats.number(counts["accounts"]),
                t("feedback.accounts_detail"),
                definition=page.column(f"{_FEEDBACK}.account_id"),
            ),
            Tile(
                t("feedback.unmatched"),
                formats.percent(counts["unmatched"] / now if now else None),
                t("feedback.unmatched_detail"),
                definition=page.column(f"{_FEEDBACK}.account_id"),
            ),
            Tile(
                t("feedback.unknown"),
                formats.percent(counts["unknown"] / now if now else None, 0),
                t("feedback.unknown_detail"),
                definition=page.column(f"{_FEEDBACK}.kind"),
            ),
        ]
    )
    sources = [
        row["object_type"]
        for row in page.published.rows(
            f"select object_type from {_FEEDBACK} group by 1 order by count(*) desc, 1"
        )
    ]
    figures = Pair(
        [
            feedback_by_week(
                page,
                "object_type",
                dict(zip(sources, PALETTE, strict=False)),
                "object_types",
                width=HALF,
                weeks=26,
            ),
            kind_figure(page),
        ]
    )
    return [Prose(sentence, is_lead=True), tiles, figures, tag_table(page, 90, 10)]


def nps_sentence(page: Page) -> str:
    """NPS with its interval and number of answers, or why there is no number."""
    found = standings(page.published).get("nps")
    t, formats = page.texts, page.formats
    if found is None or (found.value is None and not found.count):
        return t("customers.satisfaction.no_nps")
    if found.is_too_few or found.value is None:
        return t("customers.satisfaction.nps_too_few", n=formats.number(found.count or 0))
    half = nps_half_width(found.value, found.count or 1)
    return t(
        "customers.satisfaction.nps",
        score=formats.signed(found.value),
        low=formats.signed(max(found.value - half, -100)),
        high=formats.signed(min(found.value + half, 100)),
        n=formats.number(found.count or 0),
    )


def csat_sentence(page: Page) -> str:
    """CSAT with its Wilson interval and number of ratings."""
    found = standings(page.published).get("csat_ratio")
    t, formats = page.texts, page.formats
    if found is None or found.value is None or not found.count:
        return t("customers.satisfaction.no_csat")
    low, high = wilson(found.value * found.count, found.count)
    return t(
        "customers.satisfaction.csat",
        share=formats.percent(found.value, 0),
        low=formats.percent(low, 0),
        high=formats.percent(high, 0),
        n=formats.number(found.count),
    )


def _satisfaction(page: Page) -> list[Part]:
    t = page.t
    all_standings = standings(page.published)
    tiles = [tile(page, all_standings[metric]) for metric in ("nps", "csat_ratio") if metric in all_standings]
    parts: list[Part] = [
        Tiles(tiles),
        Points([Point("NPS.", nps_sentence(page)), Point("CSAT.", csat_sentence(page))]),
    ]
    last = page.today
    data = page.published.frame(
        "select date_on, metric_id, value, denominator from metric.mart_metric__daily where segment = 'all'"
        " and metric_id in ('nps', 'csat_ratio') and date_on between ? and ? and value is not null"
        " and dayofweek(date_on) = dayofweek(?) order by date_on",
        last - timedelta(days=7 * 52),
        last,
        last,
    )
    nps = data[(data["metric_id"] == "nps") & (data["denominator"] >= 30)]
    csat = data[data["metric_id"] == "csat_ratio"]
    figures = []
    for rows, metric_id, title, show, y_format, from_zero in (
        (nps, "nps", t("satisfaction.nps_chart"), page.formats.signed, "+d", True),
        (
            csat,
            "csat_ratio",
            t("satisfaction.csat_chart"),
            lambda value: page.formats.percent(value, 0),
            ".0%",
            False,
        ),
    ):
        if len(rows) >= 3:
            figures.append(_satisfaction_figure(page, rows, metric_id, title, show, y_format, from_zero))
    if figures:
        parts.append(Pair(figures))
    return parts


def _satisfaction_figure(
    page: Page,
    rows: pd.DataFrame,
    metric_id: str,
    title: str,
    show: Callable[[Any], str],
    y_format: str,
    from_zero: bool,
) -> Figure:
    line = rows.assign(kind=metric_id)
    return page.series(
        title,
        line,
        x="date_on",
        draw=lambda marks: page.charts.lines(
            line,
            x="date_on",
            y="value",
            colour="kind",
            colours={metric_id: BLUE},
            width=HALF,
            height=200,
            y_format=y_format,
            from_zero=from_zero,
            marks=marks,
            describe=page.in_words(title, line, x="date_on", y="value", show=show),
        ),
        marks=page.marks(metric_id),
        definition=page.metric(metric_id),
    )


def _losses(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    year_ago = page.today - timedelta(days=364)
    reasons = page.published.frame(
        "select coalesce(loss_reason, 'unknown') as reason, count(*) as deals, sum(reporting_amount)"
        " as amount"
        " from metric.fct_deals where status = 'lost' and closed_at >= ? group by 1 order by deals"
        " desc, 1 limit 8",
        year_ago,
    )
    parts: list[Part] = []
    figures = []
    if len(reasons):
        data = pd.DataFrame(
            {
                "reason": [page.texts.label("loss_reasons", reason) for reason in reasons["reason"]],
                "deals": reasons["deals"].astype(float),
                "text": [
                    t("losses.bar", deals=formats.number(row.deals), amount=formats.money(row.amount))
                    for row in reasons.itertuples()
                ],
            }
        )
        title = t("losses.deals")
        figures.append(
            Figure(
                title,
                page.charts.bars(
                    data, label="reason", value="deals", text="text", describe=title, colour="#9bb8cf"
                ),
                definition=page.column("metric.fct_deals.loss_reason"),
            )
        )
    if not page.published.missing(["metric.fct_mrr_movements"]):
        churn = page.published.frame(
            "select coalesce(churn_reason, 'unknown') as reason, -sum(mrr_amount) as amount"
            " from metric.fct_mrr_movements where movement_type = 'churn' and month_start_on >= ?"
            " group by 1 order by amount desc, 1 limit 8",
            year_ago.replace(day=1),
        )
        if len(churn):
            data = pd.DataFrame(
                {
                    "reason": [page.texts.label("loss_reasons", reason) for reason in churn["reason"]],
                    "amount": churn["amount"].astype(float),
                    "text": [formats.money(amount) for amount in churn["amount"]],
                }
            )
            title = t("losses.churn")
            figures.append(
                Figure(
                    title,
                    page.charts.bars(
                        data, label="reason", value="amount", text="text", describe=title, colour="#dba29a"
                    ),
                    definition=page.column("metric.fct_mrr_movements.churn_reason"),
                )
            )
    if figures:
        parts.append(Pair(figures))
    if not parts:
        parts.append(Prose(t("losses.none")))
    return parts


def _accounts(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select * from metric.dim_accounts where lifecycle_status = 'customer' and not is_excluded"
        " order by arr_amount desc nulls last, account_id limit 15"
    )
    columns = [
        Column(
            t("accounts.account"), lambda row: link(row["crm_url"], row["account_name"] or row["account_id"])
        ),
        Column(
            t("accounts.segment"), lambda row: page.texts.label("segments", row["segment"]), is_wide_only=True
        ),
        Column(
            t("accounts.arr"),
            lambda row: formats.money(row["arr_amount"]),
            is_number=True,
            definition=page.column("metric.dim_accounts.arr_amount"),
        ),
        Column(
            t("accounts.active"),
            lambda row: (
                f"{formats.number(row['active_person_28d_count'])} / {formats.number(row['seat_count'])}"
            ),
            is_number=True,
            definition=page.column("metric.dim_accounts.active_person_28d_count"),
        ),
        Column(
            t("accounts.last_active"),
            lambda row: (
                formats.day(row["last_active_on"]) if row["last_active_on"] else muted(t("accounts.never"))
            ),
            is_wide_only=True,
        ),
        Column(
            t("accounts.tickets"),
            lambda row: formats.number(row["open_ticket_count"]),
            is_number=True,
            definition=page.column("metric.dim_accounts.open_ticket_count"),
            is_wide_only=True,
        ),
        Column(t("accounts.renewal"), lambda row: formats.day(row["renewal_on"]), is_wide_only=True),
    ]
    return [page.table("accounts", columns, rows, note=t("accounts.note"))]
