"""Delivery: how much gets done, how long it takes, where the days go, how sprints go, what was released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import AMBER, BLUE, LIGHT_BLUE, PALETTE, RED, TEAL
from orchestration.publishing.report.marks import ReleaseMark, release_marks
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Prose, Tile, Tiles
from orchestration.publishing.report.tables import Column, badge, link

_ITEMS = "delivery.fct_work_items"
_DAILY = "delivery.mart_delivery__flow_daily"
_WEEKLY = "delivery.mart_delivery__flow_weekly"
_INVESTMENT = "delivery.mart_delivery__investment"
_SPRINTS = "delivery.fct_sprints"
_RELEASES = "delivery.fct_releases"
_COUNTED = "work_item_level in ('standard', 'sub_task')"
_KINDS = {"delivery": TEAL, "unplanned": AMBER, "bug": RED}
_BANDS = {"done": TEAL, "wip": AMBER, "to_do": "#cfd8e3"}


def build(page: Page) -> None:
    page.section("flow", [_DAILY, _WEEKLY, _ITEMS], lambda: _flow(page))
    page.section("cfd", [_DAILY], lambda: _cumulative_flow(page))
    page.section("progress", [_ITEMS, _DAILY], lambda: _progress(page))
    page.section("investment", [_INVESTMENT], lambda: _investment(page))
    page.section("sprints", [_SPRINTS], lambda: _sprints(page))
    page.section("releases", [_RELEASES], lambda: _releases(page))


def team_names(page: Page) -> dict[str, str]:
    if page.published.missing(["metric.dim_teams"]):
        return {}
    return {row["team_id"]: row["team_name"] for row in page.published.rows("select * from metric.dim_teams")}


def _governed(mark: ReleaseMark) -> bool:
    return bool(mark.delivery_id)


def _days(page: Page) -> dict[str, dict[str, Any]]:
    """The flow of all teams: as of the last complete day and 28 days before, and the sums of both windows."""
    last = page.today
    levels = {
        row["date_on"]: row
        for row in page.published.rows(
            f"select * from {_DAILY} where team_id = 'all' and date_on in (?, ?)",
            last,
            last - timedelta(days=28),
        )
    }
    sums = page.published.row(
        "select sum(throughput_count) filter (where date_on > ?) as done,"
        " sum(throughput_count) filter (where date_on <= ?) as done_before,"
        " sum(arrival_count) filter (where date_on > ?) as arrived, min(date_on) as first_on"
        f" from {_DAILY} where team_id = 'all' and date_on > ? and date_on <= ?",
        last - timedelta(days=28),
        last - timedelta(days=28),
        last - timedelta(days=28),
        last - timedelta(days=56),
        last,
    )
    return {"now": levels.get(last, {}), "before": levels.get(last - timedelta(days=28), {}), "sums": sums}


def _in_progress(page: Page, usual: float | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is in progress, oldest first, and what of it is older than usual: one list for the whole page."""
    rows = page.published.rows(
        f"select *, wip_age_days as age_days from {_ITEMS}"
        f" where {_COUNTED} and status_category = 'in_progress' and wip_age_days is not null"
        " order by age_days desc, work_item_id"
    )
    return rows, [row for row in rows if usual is not None and row["age_days"] > usual]


def _flow(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    days = _days(page)
    now, before, sums = days["now"], days["before"], days["sums"]

    def in_days(row: dict[str, Any], column: str) -> str:
        value = row.get(column)
        return "–" if value is None else t(".days", n=formats.number(value, 1))

    # Like the list below it: of now, and not of last night.
    usual = now.get("cycle_time_p85_days")
    rows, older = _in_progress(page, usual)
    sentence = t(
        "flow.sentence",
        done=formats.number(sums["done"]),
        before=formats.number(sums["done_before"]),
        day=formats.day(last),
        arrived=formats.number(sums["arrived"]),
    )
    tiles = Tiles(
        [
            Tile(
                t("flow.done"),
                formats.number(sums["done"]),
                t("flow.done_before", n=formats.number(sums["done_before"])),
                definition=page.metric("work_items_done") or page.column(f"{_DAILY}.throughput_count"),
            ),
            Tile(
                t("flow.cycle"),
                in_days(now, "cycle_time_p50_days"),
                t("flow.cycle_detail", before=in_days(before, "cycle_time_p50_days")),
                definition=page.column(f"{_DAILY}.cycle_time_p50_days"),
            ),
            Tile(
                t("flow.slow"),
                in_days(now, "cycle_time_p85_days"),
                t("flow.cycle_detail", before=in_days(before, "cycle_time_p85_days")),
                definition=page.column(f"{_DAILY}.cycle_time_p85_days"),
            ),
            Tile(
                t("flow.wip", day=formats.moment(page.published.publication.data_as_of)),
                formats.number(len(rows)),
                t(
                    "flow.wip_detail",
                    aged="–" if usual is None else formats.number(len(older)),
                    before=formats.number(before.get("wip_count")),
                ),
                definition=page.column(f"{_ITEMS}.wip_age_days"),
            ),
        ]
    )
    weekly = page.published.frame(
        f"select week_start_on as week, team_id as team, throughput_count as items from {_WEEKLY}"
        " where team_id <> 'all' and is_complete and week_start_on >= ? order by 1, 2",
        last - timedelta(days=7 * 27),
    )
    if weekly["week"].nunique() < 3:
        return [Prose(sentence, is_lead=True), tiles, Notice(t("flow.too_short"))]
    teams = team_names(page)
    by_size = weekly.groupby("team")["items"].sum().sort_values(ascending=False)
    names = {str(team): teams.get(str(team), str(team)) for team in by_size.index}
    shades = [*PALETTE, LIGHT_BLUE, "#6b7785", "#c9a7d8", "#7fb3a8"]
    throughput = t("flow.throughput")
    totals = weekly.groupby("week")["items"].sum().reset_index()
    figures = [
        page.series(
            throughput,
            weekly,
            x="week",
            draw=lambda marks: page.charts.stacked_bars(
                weekly,
                x="week",
                y="items",
                colour="team",
                width=HALF,
                height=230,
                colours={team: shades[n % len(shades)] for n, team in enumerate(names)},
                names=names,
                marks=marks,
                describe=page.in_words(throughput, totals, x="week", y="items", show=formats.number),
            ),
            marks=page.marks("work_items_done"),
            definition=page.column(f"{_WEEKLY}.throughput_count"),
        )
    ]
    times = page.published.frame(
        "select date_on, cycle_time_p50_days as half, cycle_time_p85_days as most"
        f" from {_DAILY} where team_id = 'all' and date_on between ? and ?"
        " and dayofweek(date_on) = dayofweek(?) order by 1",
        last - timedelta(days=7 * 52),
        last,
        last,
    )
    kinds = {"half": t("flow.half"), "most": t("flow.most")}
    long = pd.concat(
        [
            pd.DataFrame({"date_on": times["date_on"], "kind": kind, "days": times[kind].astype(float)})
            for kind in kinds
        ]
    ).dropna(subset=["days"])
    if len(long) >= 6:
        title = t("flow.times")
        figures.append(
            page.series(
                title,
                long,
                x="date_on",
                draw=lambda marks: page.charts.lines(
                    long,
                    x="date_on",
                    y="days",
                    colour="kind",
                    colours={"half": BLUE, "most": AMBER},
                    names=kinds,
                    width=HALF,
                    height=230,
                    y_format="~f",
                    marks=marks,
                    describe=page.in_words(
                        title,
                        long,
                        x="date_on",
                        y="days",
                        show=lambda value: formats.number(value, 1),
                        by="kind",
                        names=kinds,
                    ),
                ),
                marks=page.marks("work_items_done"),
                note=t("flow.times_note"),
                definition=page.column(f"{_DAILY}.cycle_time_p85_days"),
            )
        )
    return [Prose(sentence, is_lead=True), tiles, Pair(figures), _efficiency(page)]


def _efficiency(page: Page) -> Part:
    t, formats = page.t, page.formats
    row = page.published.row(
        "select avg(flow_efficiency_ratio) filter (where week_start_on > ?) as now,"
        " avg(flow_efficiency_ratio) filter (where week_start_on <= ?) as before,"
        " sum(blocked_hours) filter (where week_start_on > ?) as blocked,"
        " sum(blocked_hours) filter (where week_start_on <= ?) as blocked_before,"
        " sum(reopened_count) filter (where week_start_on > ?) as reopened,"
        " sum(reopened_count) filter (where week_start_on <= ?) as reopened_before"
        f" from {_WEEKLY} where team_id = 'all' and is_complete and week_start_on > ?",
        *[page.today - timedelta(days=35)] * 6,
        page.today - timedelta(days=63),
    )
    return Tiles(
        [
            Tile(
                t("flow.efficiency"),
                formats.percent(row["now"], 0),
                t("flow.weeks_before", before=formats.percent(row["before"], 0)),
                definition=page.column(f"{_WEEKLY}.flow_efficiency_ratio"),
            ),
            Tile(
                t("flow.blocked"),
                formats.hours(row["blocked"]),
                t("flow.weeks_before", before=formats.hours(row["blocked_before"])),
                definition=page.column(f"{_WEEKLY}.blocked_hours"),
            ),
            Tile(
                t("flow.reopened"),
                formats.number(row["reopened"]),
                t("flow.weeks_before", before=formats.number(row["reopened_before"])),
                definition=page.column(f"{_WEEKLY}.reopened_count"),
            ),
        ]
    )


def _cumulative_flow(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    frame = page.published.frame(
        "select date_on, to_do_count as to_do, wip_count as wip, done_count as done"
        f" from {_DAILY} where team_id = 'all' and date_on between ? and ?"
        " and dayofweek(date_on) = dayofweek(?) order by 1",
        last - timedelta(days=7 * 26),
        last,
        last,
    )
    if len(frame) < 3:
        return [Notice(t("flow.too_short"))]
    first, newest = frame.iloc[0], frame.iloc[-1]
    # Only what was done within the picture: years of finished work would flatten all else.
    frame["done"] = frame["done"] - int(first["done"])
    data = frame.melt("date_on", var_name="band", value_name="items")
    names = {band: t(f"cfd.{band}") for band in _BANDS}
    open_now = int(newest["to_do"] + newest["wip"])
    open_then = int(first["to_do"] + first["wip"])
    word = "grew" if open_now > open_then else "shrank" if open_now < open_then else "same"
    sentence = t(
        f"cfd.sentence_{word}",
        now=formats.number(open_now),
        then=formats.number(open_then),
        start=formats.day(first["date_on"]),
        day=formats.day(last),
    )
    title = t("cfd.chart", start=formats.day(first["date_on"]))
    return [
        Prose(sentence, is_lead=True),
        page.series(
            title,
            data,
            x="date_on",
            draw=lambda marks: page.charts.areas(
                data,
                x="date_on",
                y="items",
                colour="band",
                colours=_BANDS,
                names=names,
                marks=marks,
                describe=page.in_words(
                    title, data, x="date_on", y="items", show=formats.number, by="band", names=names
                ),
            ),
            marks=page.marks(),
            note=t("cfd.note"),
            definition=page.column(f"{_DAILY}.done_count"),
        ),
    ]


def _progress(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    level = _days(page)["now"]
    usual = level.get("cycle_time_p85_days")
    rows, older = _in_progress(page, usual)
    if not rows:
        return [Notice(t("progress.none"))]
    if usual is None:
        sentence = t("progress.sentence_unknown", n=formats.number(len(rows)))
    else:
        sentence = page.texts.plural(
            "delivery.progress.sentence",
            len(older),
            n=formats.number(len(older)),
            total=formats.number(len(rows)),
            days=formats.number(usual, 1),
        )
    columns = [
        Column(t("progress.item"), lambda row: link(row["work_item_url"], row["work_item_key"])),
        Column(t("progress.type"), lambda row: row["work_item_type"], is_wide_only=True),
        Column(t("progress.team"), lambda row: teams.get(row["team_id"], row["team_id"] or "–")),
        Column(t("progress.status"), lambda row: row["status_name"], is_wide_only=True),
        Column(
            t("progress.age"),
            lambda row: t(".days", n=formats.number(row["age_days"], 1)),
            is_number=True,
            definition=page.column(f"{_ITEMS}.wip_age_days"),
        ),
        Column("", lambda row: _age_badge(page, row, usual)),
    ]
    parts: list[Part] = [Prose(sentence, is_lead=True)]
    if usual is not None:
        data = pd.DataFrame(
            {
                "team": [teams.get(row["team_id"], row["team_id"] or "–") for row in rows],
                "age": [float(row["age_days"]) for row in rows],
                "kind": [
                    "flagged" if row["is_flagged"] else "older" if row["age_days"] > usual else "usual"
                    for row in rows
                ],
            }
        ).sort_values("team", kind="stable")
        title = t("progress.chart", moment=formats.moment(page.published.publication.data_as_of))
        rules = [
            (float(level[f"cycle_time_p{share}_days"]), formats.percent(share / 100, 0))
            for share in (50, 85, 95)
            if level.get(f"cycle_time_p{share}_days") is not None
        ]
        names = {kind: t(f"progress.kind_{kind}") for kind in ("usual", "older", "flagged")}
        parts.append(
            Figure(
                title,
                page.charts.dots(
                    data,
                    label="team",
                    value="age",
                    colour="kind",
                    colours={"usual": BLUE, "older": AMBER, "flagged": RED},
                    names=names,
                    rules=rules,
                    describe=f"{title}. {sentence}",
                ),
                t("progress.chart_note"),
                page.column(f"{_DAILY}.wip_age_p85_days"),
            )
        )
    parts.append(page.table("progress", columns, rows[:12], title=t("progress.oldest")))
    return parts


def _age_badge(page: Page, row: dict[str, Any], usual: float | None) -> Any:
    if row["is_flagged"]:
        return badge(page.t("progress.flagged"), "bad")
    if usual is not None and row["age_days"] > usual:
        return badge(page.t("progress.older"), "warn")
    return ""


def _investment(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    data = page.published.frame(
        "select month_start_on as month, work_kind as kind, people_days as days, people_days_ratio as share"
        f" from {_INVESTMENT} where team_id = 'all' and is_complete and month_start_on >= ? order by 1, 2",
        page.today - timedelta(days=400),
    )
    if data.empty:
        return [Notice(t("investment.none"))]
    months = sorted(data["month"].unique())
    by_month = {
        month: dict(zip(rows["kind"], rows["share"].astype(float), strict=True))
        for month, rows in data.groupby("month")
    }
    newest = by_month[months[-1]]
    earlier = [by_month[month] for month in months[-4:-1]]

    def before(kind: str) -> str:
        if not earlier:
            return t(".no_comparison")
        return formats.percent(sum(one.get(kind, 0.0) for one in earlier) / len(earlier), 0)

    month = formats.month(months[-1])
    total = float(data.loc[data["month"] == months[-1], "days"].sum())
    sentence = t(
        "investment.sentence",
        month=month,
        days=formats.number(total),
        delivery=formats.percent(newest.get("delivery", 0.0), 0),
        before=before("delivery"),
    )
    names = {kind: t(f"investment.{kind}") for kind in _KINDS}
    tiles = Tiles(
        [
            Tile(
                t("investment.tile", kind=names[kind], month=month),
                formats.percent(newest.get(kind, 0.0), 0),
                t("investment.before", before=before(kind)),
                definition=page.column(f"{_INVESTMENT}.people_days_ratio"),
            )
            for kind in _KINDS
        ]
    )
    parts: list[Part] = [Prose(sentence, is_lead=True), tiles, _cost(page)]
    if len(months) >= 3:
        title = t("investment.chart")
        alt = page.in_words(
            title,
            data,
            x="month",
            y="share",
            show=lambda value: formats.percent(value, 0),
            by="kind",
            names=names,
        )
        parts.append(
            page.series(
                title,
                data,
                x="month",
                draw=lambda marks: page.charts.stacked_bars(
                    data.assign(share=data["share"].astype(float)),
                    x="month",
                    y="share",
                    colour="kind",
                    colours=_KINDS,
                    names=names,
                    height=200,
                    y_format=".0%",
                    is_share=True,
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks(),
                note=t("investment.note"),
                definition=page.column(f"{_INVESTMENT}.work_kind"),
            )
        )
    return parts


def _cost(page: Page) -> Part:
    """What the last complete month's work cost, and what of it deliveries; or what would tell it."""
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_INVESTMENT} where team_id = 'all' and is_complete order by month_start_on"
    )
    if all(row.get("cost_amount") is None for row in rows):
        return Prose(t("investment.cost_unknown"))
    month = rows[-1]["month_start_on"]
    found = {row["work_kind"]: row["cost_amount"] for row in rows if row["month_start_on"] == month}
    costs = {kind: float(cost) for kind, cost in found.items() if cost is not None}
    if len(costs) < len(found):
        return Prose(t("investment.cost_partly", month=formats.month(month)))
    definition = page.column(f"{_INVESTMENT}.cost_amount")
    return Tiles(
        [
            Tile(
                t("investment.cost", month=formats.month(month)),
                formats.money(sum(costs.values())),
                t("investment.cost_detail"),
                definition=definition,
            ),
            *(
                Tile(
                    t("investment.cost_kind", kind=t(f"investment.{kind}")),
                    formats.money(costs.get(kind, 0)),
                    definition=definition,
                )
                for kind in _KINDS
            ),
        ]
    )


def _sprints(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    rows = page.published.rows(
        f"select * from {_SPRINTS} where state = 'closed' and completed_at is not null"
        " order by completed_at desc, sprint_id limit 24"
    )
    if not rows:
        return [Notice(t("sprints.none"))]
    recent, earlier = rows[:12], rows[12:]

    def kept(group: list[dict[str, Any]]) -> float | None:
        known = [
            row["planning_accuracy_ratio"] for row in group if row["planning_accuracy_ratio"] is not None
        ]
        return sum(known) / len(known) if known else None

    def added(group: list[dict[str, Any]]) -> float | None:
        committed = sum(row["committed_item_count"] or 0 for row in group)
        return sum(row["added_item_count"] or 0 for row in group) / committed if committed else None

    def carried(group: list[dict[str, Any]]) -> int:
        return sum(row["carried_over_item_count"] or 0 for row in group)

    def against(value: str) -> str:
        if not earlier:
            return t(".no_comparison")
        return t("sprints.before", n=len(earlier), value=value)

    sentence = t(
        "sprints.sentence",
        n=len(recent),
        kept=formats.percent(kept(recent), 0),
        before=against(formats.percent(kept(earlier), 0)),
        added=formats.percent(added(recent), 0),
    )
    tiles = Tiles(
        [
            Tile(
                t("sprints.accuracy"),
                formats.percent(kept(recent), 0),
                against(formats.percent(kept(earlier), 0)),
                definition=page.column(f"{_SPRINTS}.planning_accuracy_ratio"),
            ),
            Tile(
                t("sprints.added"),
                formats.percent(added(recent), 0),
                against(formats.percent(added(earlier), 0)),
                definition=page.column(f"{_SPRINTS}.added_item_count"),
            ),
            Tile(
                t("sprints.carried"),
                formats.number(carried(recent)),
                against(formats.number(carried(earlier))),
                definition=page.column(f"{_SPRINTS}.carried_over_item_count"),
            ),
        ]
    )

    def count(column: str, *, is_wide_only: bool = False) -> Column:
        return Column(
            t(f"sprints.{column}"),
            lambda row: formats.number(row[f"{column}_item_count"]),
            is_number=True,
            is_wide_only=is_wide_only,
            definition=page.column(f"{_SPRINTS}.{column}_item_count"),
        )

    columns = [
        Column(t("sprints.sprint"), lambda row: row["sprint_name"]),
        Column(
            t("progress.team"),
            lambda row: teams.get(row["team_id"], row["team_id"] or "–"),
            is_wide_only=True,
        ),
        Column(t("sprints.ended"), lambda row: formats.day(row["completed_on"]), is_wide_only=True),
        count("committed"),
        count("completed"),
        count("added", is_wide_only=True),
        count("carried_over", is_wide_only=True),
        Column(
            t("sprints.kept"),
            lambda row: formats.percent(row["planning_accuracy_ratio"], 0),
            is_number=True,
            definition=page.column(f"{_SPRINTS}.planning_accuracy_ratio"),
        ),
    ]
    parts: list[Part] = [Prose(sentence, is_lead=True), tiles]
    data = page.published.frame(
        "select date_trunc('month', completed_on)::date as month, avg(planning_accuracy_ratio) as kept,"
        f" count(*) as sprints from {_SPRINTS} where state = 'closed' and completed_on >= ?"
        " and planning_accuracy_ratio is not null group by 1 order by 1",
        (page.today - timedelta(days=400)).replace(day=1),
    )
    if len(data) >= 3:
        title = t("sprints.chart")
        line = data.assign(kind="kept")
        parts.append(
            page.series(
                title,
                line,
                x="month",
                draw=lambda marks: page.charts.lines(
                    line,
                    x="month",
                    y="kept",
                    colour="kind",
                    colours={"kept": BLUE},
                    height=180,
                    y_format=".0%",
                    marks=marks,
                    describe=page.in_words(
                        title, line, x="month", y="kept", show=lambda value: formats.percent(value, 0)
                    ),
                ),
                marks=page.marks(),
                definition=page.column(f"{_SPRINTS}.planning_accuracy_ratio"),
            )
        )
    parts.append(page.table("sprints", columns, recent, title=t("sprints.latest"), note=t("sprints.note")))
    return parts


def _releases(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    counts = page.published.row(
        "select count(*) filter (where released_on > ?) as now,"
        " count(*) filter (where released_on <= ? and released_on > ?) as before"
        f" from {_RELEASES} where is_released and released_on <= ?",
        page.today - timedelta(days=90),
        page.today - timedelta(days=90),
        page.today - timedelta(days=180),
        page.today,
    )
    rows = page.published.rows(
        f"select * from {_RELEASES} where not is_archived"
        " order by released_on is not null, released_on desc, release_name limit 12"
    )
    columns = [
        Column(t("releases.release"), lambda row: row["release_name"]),
        Column(t("progress.team"), lambda row: teams.get(row["team_id"], row["project_key"] or "–")),
        Column(
            t("releases.released"),
            lambda row: (
                formats.day(row["released_on"]) if row["is_released"] else badge(t("releases.open"), "plain")
            ),
        ),
        Column(
            t("releases.items"),
            lambda row: (
                f"{formats.number(row['done_work_item_count'])} / {formats.number(row['work_item_count'])}"
            ),
            is_number=True,
            definition=page.column(f"{_RELEASES}.done_work_item_count"),
        ),
    ]
    monthly = page.published.frame(
        f"select date_trunc('month', released_on)::date as month, count(*) as releases from {_RELEASES}"
        " where is_released and released_on >= ? and released_on <= ? group by 1 order by 1",
        (page.today - timedelta(days=400)).replace(day=1),
        page.today,
    )
    parts: list[Part] = [
        Prose(
            t(
                "releases.sentence",
                now=formats.number(counts["now"]),
                before=formats.number(counts["before"]),
                day=formats.day(page.today),
            ),
            is_lead=True,
        )
    ]
    if len(monthly) >= 3:
        title = t("releases.per_month")
        bars = monthly.assign(kind="releases")
        parts.append(
            page.series(
                title,
                bars,
                x="month",
                draw=lambda marks: page.charts.stacked_bars(
                    bars,
                    x="month",
                    y="releases",
                    colour="kind",
                    colours={"releases": LIGHT_BLUE},
                    height=170,
                    y_format="d",
                    marks=marks,
                    describe=page.in_words(title, bars, x="month", y="releases", show=formats.number),
                ),
                marks=page.marks(),
                definition=page.column(f"{_RELEASES}.released_on"),
            )
        )
    named = [mark for mark in release_marks(page.published) if _governed(mark)]
    if named:
        parts.append(
            page.table(
                "marks",
                [
                    Column(
                        t("releases.number"),
                        lambda mark: formats.number(mark.number),
                        is_number=True,
                        definition=page.column("impact.mart_impact__release_marks"),
                    ),
                    Column(t("releases.delivery"), lambda mark: mark.name),
                    Column(t("releases.released"), lambda mark: formats.day(mark.on)),
                    Column(
                        t("progress.team"),
                        lambda mark: teams.get(mark.team_id, mark.team_id or "–"),
                        is_wide_only=True,
                    ),
                    Column(
                        t("releases.aimed"),
                        lambda mark: (
                            ", ".join(page.metric_name(one) for one in sorted(mark.metric_ids)) or "–"
                        ),
                        is_wide_only=True,
                    ),
                ],
                named[::-1][:24],
                title=t("releases.marks"),
                note=t("releases.marks_note"),
            )
        )
    parts.append(page.table("releases", columns, rows, title=t("releases.latest")))
    return parts
