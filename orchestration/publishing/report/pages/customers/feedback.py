"""Feedback by source and kind, and the source's own tags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import AMBER, BLUE, GREEN, GREY, LIGHT_BLUE, PALETTE, RED
from orchestration.publishing.report.page import Figure, Page, Pair, Part, Prose, Tile, Tiles
from orchestration.publishing.report.pages.customers.themes import FEEDBACK, THEME_TABLES
from orchestration.publishing.report.tables import Column

_KIND_COLOURS = {
    "bug": RED,
    "complaint": "#dba29a",
    "request": BLUE,
    "question": LIGHT_BLUE,
    "praise": GREEN,
    "loss_reason": AMBER,
    "unknown": GREY,
}


def feedback_by_week(
    page: Page, by: str, colours: dict[str, str], group: str, *, width: int, weeks: int
) -> Figure:
    """Stacked weekly counts of feedback by a column."""
    last = page.today
    data = page.published.frame(
        f"select date_trunc('week', occurred_on)::date as week, coalesce({by}, 'unknown') as part,"
        " count(*) as items"
        f" from {FEEDBACK} where occurred_on >= date_trunc('week', ?::date)"
        " and occurred_on < date_trunc('week', ?::date) group by 1, 2 order by 1, 2",
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
        definition=page.column(f"{FEEDBACK}.{by}"),
    )


def kind_figure(page: Page, width: int = HALF) -> Figure:
    return feedback_by_week(page, "kind", _KIND_COLOURS, "kinds", width=width, weeks=26)


def tag_rows(page: Page, days: int, limit: int) -> list[dict[str, Any]]:
    """The source's own tags of the last `days`, by the accounts behind them."""
    last = page.today
    return page.published.rows(
        "with tags as (select trim(unnest(string_split(tags, ';'))) as tag, account_id, arr_amount,"
        " occurred_on"
        f" from {FEEDBACK} where tags is not null and occurred_on between ? and ?),"
        " per_account as (select tag, account_id, count(*) as mentions, max(arr_amount) as arr from tags"
        " where tag <> '' and occurred_on >= ? group by tag, account_id),"
        " before as (select tag, count(distinct account_id) as accounts from tags where occurred_on"
        " < ? group by tag)"
        " select per_account.tag, sum(mentions) as mentions, count(account_id) as accounts,"
        " sum(case when account_id is not null then arr end) as arr, max(before.accounts) as accounts_before"
        " from per_account left join before on per_account.tag = before.tag"
        " group by per_account.tag order by accounts desc, mentions desc, per_account.tag limit ?",
        last - timedelta(days=2 * days - 1),
        last,
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
            definition=page.column(f"{FEEDBACK}.account_id"),
        ),
        Column(
            t("customers.feedback.before"),
            lambda row: formats.number(row["accounts_before"] or 0),
            is_number=True,
            definition=page.column(f"{FEEDBACK}.account_id"),
            is_wide_only=True,
        ),
        Column(
            t("customers.feedback.mentions"),
            lambda row: formats.number(row["mentions"]),
            is_number=True,
            definition=page.column(f"{FEEDBACK}.feedback_id"),
            is_wide_only=True,
        ),
        Column(
            t("customers.feedback.arr"),
            lambda row: formats.money(row["arr"]),
            is_number=True,
            definition=page.column(f"{FEEDBACK}.arr_amount"),
        ),
    ]
    return page.table(
        "tags",
        columns,
        tag_rows(page, days, limit),
        title=t("customers.feedback.tags", days=days),
        note=t("customers.feedback.tags_note"),
        definition=page.column(f"{FEEDBACK}.arr_amount"),
    )


def feedback(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    counts = page.published.row(
        "select count(*) filter (where occurred_on >= ?) as now,"
        " count(*) filter (where occurred_on >= ? and occurred_on < ?) as before,"
        " count(distinct account_id) filter (where occurred_on >= ?) as accounts,"
        " count(*) filter (where occurred_on >= ? and account_id is null) as unmatched,"
        " count(*) filter (where occurred_on >= ? and kind_assigned_by = 'model') as by_model"
        f" from {FEEDBACK} where occurred_on <= ?",
        last - timedelta(days=27),
        last - timedelta(days=55),
        last - timedelta(days=27),
        last - timedelta(days=27),
        last - timedelta(days=27),
        last - timedelta(days=27),
        last,
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
                definition=page.column(FEEDBACK),
            ),
            Tile(
                t("feedback.accounts_tile"),
                formats.number(counts["accounts"]),
                t("feedback.accounts_detail"),
                definition=page.column(f"{FEEDBACK}.account_id"),
            ),
            Tile(
                t("feedback.unmatched"),
                formats.percent(counts["unmatched"] / now if now else None),
                t("feedback.unmatched_detail"),
                definition=page.column(f"{FEEDBACK}.account_id"),
            ),
            Tile(
                t("feedback.by_model"),
                formats.percent(counts["by_model"] / now if now else None, 0),
                t("feedback.by_model_detail"),
                definition=page.column(f"{FEEDBACK}.kind_assigned_by"),
            ),
        ]
    )
    sources = [
        row["object_type"]
        for row in page.published.rows(
            f"select object_type from {FEEDBACK} group by 1 order by count(*) desc, 1"
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
    parts: list[Part] = [Prose(sentence, is_lead=True), tiles, figures]
    # The source's tags stand in for themes where the company has none yet.
    return [*parts, tag_table(page, 90, 10)] if page.published.missing(THEME_TABLES) else parts
