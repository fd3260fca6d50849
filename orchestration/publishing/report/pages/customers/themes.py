"""What feedback is about: the company's themes, over time, and who said so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from string import ascii_uppercase
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import Mark
from orchestration.publishing.report.drawing import BLUE, GREY
from orchestration.publishing.report.page import Notice, Page, Part, Prose
from orchestration.publishing.report.tables import Column, muted, shaded
from orchestration.publishing.report.words import owner_cell

FEEDBACK = "insight.fct_feedback"
THEMES = "insight.dim_themes"
ITEM_THEMES = "insight.fct_feedback_themes"
THEME_TABLES = (ITEM_THEMES, THEMES, FEEDBACK)
DAILY = "insight.mart_insight__theme_daily"
WEEKLY = "insight.mart_insight__theme_weekly"
_HEAT_WEEKS = 10


def theme_rows(page: Page, days: int, limit: int) -> list[dict[str, Any]]:
    """The company's themes of the last `days`, by the accounts behind them, beside the time before."""
    last = page.today
    language = "name_pt" if page.texts.language == "pt" else "name_en"
    return page.published.rows(
        f"select theme_id, any_value(coalesce({language}, name_en, theme_id)) as name,"
        " any_value(owner) as owner,"
        " count(distinct account_id) filter (where occurred_on >= ?) as accounts,"
        " count(distinct account_id) filter (where occurred_on < ?) as accounts_before,"
        " count(distinct feedback_id) filter (where occurred_on >= ?) as mentions,"
        " coalesce(sum(arr) filter (where occurred_on >= ? and is_newest), 0) as arr from ("
        " select item.*, theme.name_en, theme.name_pt, theme.owner, item.arr_amount as arr,"
        # An account's ARR counts once per theme, as of the last time that it said so.
        " row_number() over (partition by item.theme_id, item.account_id order by item.occurred_at desc,"
        " item.feedback_id) = 1 and item.account_id is not null as is_newest"
        f" from {ITEM_THEMES} as item inner join {THEMES} as theme on item.theme_id = theme.theme_id"
        " where item.occurred_on >= ? and item.occurred_on < ?)"
        " group by theme_id having accounts > 0 or mentions > 0"
        " order by accounts desc, mentions desc, theme_id limit ?",
        *[last - timedelta(days=days - 1)] * 4,
        last - timedelta(days=2 * days - 1),
        last + timedelta(days=1),
        limit,
    )


def theme_table(page: Page, days: int, limit: int) -> Part:
    t, formats = page.texts, page.formats

    def number(column: str, key: str, definition: str, *, is_wide_only: bool = False) -> Column:
        return Column(
            t(f"customers.{key}"),
            lambda row: formats.number(row[column] or 0),
            is_number=True,
            is_wide_only=is_wide_only,
            definition=page.column(f"{ITEM_THEMES}.{definition}"),
        )

    columns = [
        Column(t("customers.themes.theme"), lambda row: row["name"]),
        number("accounts", "feedback.accounts", "account_id"),
        number("accounts_before", "feedback.before", "account_id", is_wide_only=True),
        number("mentions", "feedback.mentions", "feedback_id", is_wide_only=True),
        Column(
            t("customers.feedback.arr"),
            lambda row: formats.money(row["arr"]),
            is_number=True,
            definition=page.column(f"{ITEM_THEMES}.arr_amount"),
        ),
        Column(
            t("customers.themes.owner"),
            lambda row: owner_cell(page, row["owner"]),
            is_wide_only=True,
        ),
    ]
    return page.table(
        "themes",
        columns,
        theme_rows(page, days, limit),
        title=t("customers.themes.table", days=days),
        note=t("customers.themes.note"),
        definition=page.column(f"{ITEM_THEMES}.theme_id"),
    )


def themes_told(page: Page, days: int, limit: int) -> list[Part]:
    """What customers talked about most, how much of it has no theme, and who said what it is about."""
    t, formats = page.texts, page.formats
    last = page.today
    window = (last - timedelta(days=days - 1), last + timedelta(days=1))
    rows = theme_rows(page, days, limit)
    counts = page.published.row(
        "select count(*) as items, count(*) filter (where themed.feedback_id is null) as unthemed"
        f" from {FEEDBACK} as item left join (select distinct feedback_id from {ITEM_THEMES}) as themed"
        " on item.feedback_id = themed.feedback_id where item.occurred_on >= ? and item.occurred_on < ?",
        *window,
    )
    if not rows or not counts["items"]:
        return [Notice(t("customers.themes.none"))]
    by = page.published.rows(
        f"select assigned_by, count(*) as items from {ITEM_THEMES} where occurred_on >= ?"
        " and occurred_on < ? group by 1 order by items desc, 1",
        *window,
    )
    total = sum(row["items"] for row in by)
    told = ", ".join(
        t(
            "customers.themes.by",
            who=t.label("assigned_by", row["assigned_by"]),
            share=formats.percent(row["items"] / total, 0),
        )
        for row in by
    )
    first = rows[0]
    sentence = t(
        "customers.themes.sentence",
        theme=first["name"],
        accounts=formats.number(first["accounts"]),
        day=formats.day(last),
        before=formats.number(first["accounts_before"] or 0),
        unthemed=formats.percent(counts["unthemed"] / counts["items"], 0),
        items=formats.number(counts["items"]),
    )
    return [
        Prose(sentence, is_lead=page.name == "customers"),
        theme_table(page, days, limit),
        Prose(muted(t("customers.themes.assigned", who=told, n=formats.number(total)))),
    ]


def themes(page: Page) -> list[Part]:
    parts = themes_told(page, 28, 15)
    if not page.published.missing([DAILY]):
        parts += spikes(page)
    return parts if page.published.missing([WEEKLY]) else [*parts, *theme_weeks(page)]


def spikes(page: Page) -> list[Part]:
    """Themes that came up more in the last seven complete days than their history explains, and new ones."""
    t, formats = page.t, page.formats
    language = "name_pt" if page.texts.language == "pt" else "name_en"
    rows = page.published.rows(
        f"select daily.*, coalesce(daily.label, theme.{language}, theme.name_en, daily.theme_id) as name"
        f" from {DAILY} as daily left join insight.dim_themes as theme on daily.theme_id = theme.theme_id"
        f" where daily.date_on = (select max(date_on) from {DAILY} where is_complete)"
        " and daily.spike_state in ('alert', 'watch')"
        " order by daily.spike_state, daily.theme_kind desc, daily.spike_score desc, daily.theme_id"
    )
    if not rows:
        return [Prose(muted(t("themes.no_spikes")))]
    told = [
        t(
            f"themes.{'emerging' if row['theme_kind'] == 'emerging' else row['spike_state']}",
            theme=row["name"],
            items=formats.number(row["mention_7d_count"]),
            expected=formats.number(row["expected_mention_7d_count"], 1),
        )
        for row in rows[:6]
    ]
    return [Prose(" ".join(told))]


def scoring_changes(page: Page, first: date) -> tuple[list[Mark], str]:
    """The days from `first` on from which another model or taxonomy scores, to be marked, and their words.

    A name or an owner is no such change. Series are never mixed: each change told all of history anew.
    """
    if page.published.missing([DAILY]):
        return [], ""
    rows = page.published.rows(
        f"select * from {DAILY} where theme_id = 'all' and date_on >= ? order by date_on", first
    )
    changes = [(row["date_on"], row["scoring_change"]) for row in rows if row.get("scoring_change")]
    marks = [Mark(day, letter, True) for (day, _), letter in zip(changes, ascii_uppercase, strict=False)]
    told = [
        page.t(f"themes.scoring.{what}", letter=mark.number, day=page.formats.day(day))
        for mark, (day, what) in zip(marks, changes, strict=False)
    ]
    return marks, " ".join([*told, page.t("themes.scoring.caution")]) if told else ""


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
    changes, told_of_changes = scoring_changes(page, whole["week_start_on"].min())
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
            marks=[*page.marks(), *changes],
            note=told_of_changes,
            definition=page.column(f"{WEEKLY}.unthemed_ratio"),
        )
    )
    return parts
