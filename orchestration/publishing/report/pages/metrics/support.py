"""Support: how much comes in, and how long customers wait."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import AMBER, BLUE, LIGHT_BLUE
from orchestration.publishing.report.page import Page, Pair, Part, Prose, Tiles
from orchestration.publishing.report.standing import standings
from orchestration.publishing.report.tables import Column, muted
from orchestration.publishing.report.words import share_in_words, tile

SUPPORT = "metric.mart_metric__support_performance"
_BY_THEME = "metric.mart_metric__support_by_theme"
_THEMES = "insight.dim_themes"
# The median of fewer is no more than one ticket's fate.
_FEWEST_FOR_A_MEDIAN = 5
_MOST_THEMES = 12


def support(page: Page) -> list[Part]:
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
    parts.append(_promises(page))
    last = page.today
    weekly = page.published.frame(
        "select starts_on, created_ticket_count as tickets, first_reply_minutes_p50 / 60 as calendar,"
        f" first_reply_business_minutes_p50 / 60 as business from {SUPPORT} where period_unit = 'week'"
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
                definition=page.column(f"{SUPPORT}.created_ticket_count"),
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
                    definition=page.column(f"{SUPPORT}.first_reply_minutes_p50"),
                )
            )
        parts.append(Pair(figures))
    urgent = page.published.rows(
        "select coalesce(priority, 'none') as priority, count(*) as tickets,"
        " median(first_reply_minutes) as reply,"
        " quantile_cont(first_reply_minutes, 0.9) as slow_reply, median(full_resolution_minutes) as"
        " resolution"
        " from metric.fct_tickets where created_on >= ? group by 1"
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
    if not page.published.missing([_BY_THEME, _THEMES]):
        parts += _by_theme(page)
    return parts


def _by_theme(page: Page) -> list[Part]:
    """What the tickets of the last complete month were about, and how long customers waited with it."""
    t, formats = page.t, page.formats
    language = "name_pt" if page.texts.language == "pt" else "name_en"
    rows = page.published.rows(
        f"select now.*, coalesce(theme.{language}, theme.name_en, now.theme_id) as name,"
        " before.created_ticket_count as created_before"
        f" from {_BY_THEME} as now left join {_THEMES} as theme on now.theme_id = theme.theme_id"
        f" left join {_BY_THEME} as before on before.period_unit = 'month' and before.segment = 'all'"
        " and before.theme_id = now.theme_id and before.starts_on = now.starts_on - interval 1 month"
        " where now.period_unit = 'month' and now.segment = 'all' and now.theme_id <> 'all'"
        f" and now.starts_on = (select max(starts_on) from {_BY_THEME} where period_unit = 'month' and"
        " is_complete)"
        " and (now.created_ticket_count > 0 or now.full_resolution_count > 0 or"
        " now.backlog_ticket_count > 0)"
        " order by now.created_ticket_count desc, now.theme_id"
    )
    if not rows:
        return []
    themed = [row for row in rows if row["theme_id"] != "unthemed"]
    shown = themed[:_MOST_THEMES] + [row for row in rows if row["theme_id"] == "unthemed"]

    def count(key: str, column: str, *, is_wide_only: bool = False) -> Column:
        return Column(
            t(f"support.{key}"),
            lambda row: formats.number(row[column] or 0),
            is_number=True,
            is_wide_only=is_wide_only,
            definition=page.column(
                f"{_BY_THEME}.{'created_ticket_count' if column == 'created_before' else column}"
            ),
        )

    def half(key: str, kind: str, *, is_wide_only: bool = False) -> Column:
        return Column(
            t(f"support.{key}"),
            lambda row: (
                formats.minutes(row[f"{kind}_minutes_p50"])
                if row[f"{kind}_count"] >= _FEWEST_FOR_A_MEDIAN
                else muted(t("support.too_few"))
            ),
            is_number=True,
            is_wide_only=is_wide_only,
            definition=page.column(f"{_BY_THEME}.{kind}_minutes_p50"),
        )

    columns = [
        Column(
            t("support.theme"),
            lambda row: (
                page.texts("customers.themes.unthemed") if row["theme_id"] == "unthemed" else row["name"]
            ),
        ),
        count("tickets", "created_ticket_count"),
        count("month_before", "created_before", is_wide_only=True),
        half("half_within", "first_reply"),
        half("resolved", "full_resolution", is_wide_only=True),
        count("open_at_end", "backlog_ticket_count", is_wide_only=True),
        Column(
            t("support.contact"),
            lambda row: formats.number(row["contact_ratio"], 2),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_BY_THEME}.contact_ratio"),
        ),
    ]
    month = formats.month(rows[0]["starts_on"])
    return [
        page.table(
            "support-themes",
            columns,
            shown,
            title=t("support.by_theme", month=month),
            note=t("support.theme_note", n=formats.number(_FEWEST_FOR_A_MEDIAN)),
        )
    ]


def _promises(page: Page) -> Part:
    """How often answers and solutions came as soon as promised, or that nothing is promised."""
    t, formats = page.t, page.formats
    kinds = ("first_reply", "full_resolution")
    within = "between ? and ?"
    sums = ", ".join(
        f"coalesce(sum({kind}_{part}_count) filter (where starts_on {window}), 0) as {kind}_{part}_{name}"
        for kind in kinds
        for part in ("judged", "attained")
        for name, window in (("ever", "is not null"), ("now", within), ("before", within))
    )
    last = page.today
    windows = (last - timedelta(days=27), last, last - timedelta(days=55), last - timedelta(days=28))
    row = page.published.row(
        f"select {sums} from {SUPPORT} where period_unit = 'day' and team_id = 'all' and segment = 'all'",
        *[*windows] * 4,
    )
    told = [
        t(
            f"support.{kind}_in_time",
            share=share_in_words(page, float(row[f"{kind}_attained_now"]), float(row[f"{kind}_judged_now"])),
            before=share_in_words(
                page, float(row[f"{kind}_attained_before"]), float(row[f"{kind}_judged_before"])
            ),
            day=formats.day(last),
        )
        for kind in kinds
        if row[f"{kind}_judged_ever"]
    ]
    return Prose(" ".join(told) if told else t("support.no_promises"))
