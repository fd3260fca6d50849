"""Delivery: how much gets done, how long it takes, how sprints go, what was released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from orchestration.publishing.report.charts import AMBER, BLUE, HALF, LIGHT_BLUE, PALETTE
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Tile, Tiles
from orchestration.publishing.report.tables import Column, badge, link

_ITEMS = "delivery.fct_work_items"
_COUNTED = "work_item_level in ('standard', 'sub_task')"


def build(page: Page) -> None:
    page.section("flow", [_ITEMS], lambda: _flow(page), lead=page.t("flow.lead"))
    page.section("progress", [_ITEMS], lambda: _progress(page), lead=page.t("progress.lead"))
    page.section("sprints", ["delivery.fct_sprints"], lambda: _sprints(page), lead=page.t("sprints.lead"))
    page.section("releases", ["delivery.fct_releases"], lambda: _releases(page))


def team_names(page: Page) -> dict[str, str]:
    if page.published.missing(["metric.dim_teams"]):
        return {}
    return {row["team_id"]: row["team_name"] for row in page.published.rows("select * from metric.dim_teams")}


def _flow(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    now = page.published.row(
        "select count(*) as done, median(cycle_time_days) as cycle, quantile_cont(cycle_time_days,"
        " 0.85) as slow,"
        f" median(lead_time_days) as lead from {_ITEMS} where {_COUNTED} and done_at >= ?",
        last - timedelta(days=27),
    )
    before = page.published.row(
        f"select count(*) as done from {_ITEMS} where {_COUNTED} and done_at >= ? and done_at < ?",
        last - timedelta(days=55),
        last - timedelta(days=27),
    )
    state = page.published.row(
        f"select count(*) filter (where status_category = 'in_progress') as wip,"
        " count(*) filter (where status_category = 'in_progress' and is_flagged) as flagged from"
        f" {_ITEMS} where {_COUNTED}"
    )
    tiles = Tiles(
        [
            Tile(
                t("flow.done"),
                formats.number(now["done"]),
                t("flow.done_before", n=formats.number(before["done"])),
                definition=page.metric("work_items_done"),
            ),
            Tile(
                t("flow.cycle"),
                t(".days", n=formats.number(now["cycle"], 1)),
                t("flow.cycle_detail", n=formats.number(now["slow"], 1)),
                definition=page.column(f"{_ITEMS}.cycle_time_days"),
            ),
            Tile(
                t("flow.lead_time"),
                t(".days", n=formats.number(now["lead"], 1)),
                t("flow.lead_detail"),
                definition=page.column(f"{_ITEMS}.lead_time_days"),
            ),
            Tile(
                t("flow.wip"),
                formats.number(state["wip"]),
                t("flow.wip_detail", n=formats.number(state["flagged"])),
            ),
        ]
    )
    teams = team_names(page)
    weekly = page.published.frame(
        "select date_trunc('week', done_at)::date as week, coalesce(team_id, 'none') as team,"
        f" count(*) as items from {_ITEMS}"
        f" where {_COUNTED} and done_at >= date_trunc('week', ?::timestamp) and done_at <"
        " date_trunc('week', ?::timestamp)"
        " group by 1, 2 order by 1, 2",
        last - timedelta(days=7 * 26),
        last + timedelta(days=1),
    )
    if weekly["week"].nunique() < 3:
        return [tiles, Notice(t("flow.too_short"))]
    by_size = weekly.groupby("team")["items"].sum().sort_values(ascending=False)
    names = {team: teams.get(str(team), page.texts.label("teams", team)) for team in by_size.index}
    times = page.published.frame(
        "select date_trunc('month', done_at)::date as month, median(cycle_time_days) as half,"
        f" quantile_cont(cycle_time_days, 0.85) as most, count(*) as items from {_ITEMS} where {_COUNTED}"
        " and cycle_time_days is not null and done_at >= ? and done_at < date_trunc('month', ?::timestamp)"
        " group by 1 having count(*) >= 5 order by 1",
        last - timedelta(days=400),
        last + timedelta(days=1),
    )
    half, most = t("flow.half"), t("flow.most")
    long = pd.concat(
        [
            pd.DataFrame({"month": times["month"], "kind": "half", "days": times["half"]}),
            pd.DataFrame({"month": times["month"], "kind": "most", "days": times["most"]}),
        ]
    )
    throughput = t("flow.throughput")
    figures = [
        Figure(
            throughput,
            page.charts.stacked_bars(
                weekly,
                x="week",
                y="items",
                colour="team",
                width=HALF,
                height=230,
                colours=dict(zip((str(team) for team in names), PALETTE, strict=False)),
                names=names,
                describe=throughput,
            ),
            definition=page.metric("work_items_done"),
        )
    ]
    if len(times) >= 2:
        title = t("flow.times")
        figures.append(
            Figure(
                title,
                page.charts.lines(
                    long,
                    x="month",
                    y="days",
                    colour="kind",
                    colours={"half": BLUE, "most": AMBER},
                    names={"half": half, "most": most},
                    width=HALF,
                    height=230,
                    y_format="~f",
                    describe=title,
                ),
                definition=page.column(f"{_ITEMS}.cycle_time_days"),
            )
        )
    return [tiles, Pair(figures)]


def _progress(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    usual = page.published.row(
        f"select quantile_cont(cycle_time_days, 0.85) as days from {_ITEMS} where {_COUNTED} and"
        " done_at >= ?",
        page.today - timedelta(days=89),
    )["days"]
    rows = page.published.rows(
        f"select *, date_diff('second', started_at, ?::timestamp) / 86400.0 as age_days from {_ITEMS}"
        f" where {_COUNTED} and status_category = 'in_progress' and started_at is not null"
        " order by age_days desc, work_item_id limit 12",
        page.published.now,
    )
    columns = [
        Column(t("progress.item"), lambda row: link(row["work_item_url"], row["work_item_key"])),
        Column(t("progress.type"), lambda row: row["work_item_type"], is_wide_only=True),
        Column(t("progress.team"), lambda row: teams.get(row["team_id"], row["team_id"] or "–")),
        Column(t("progress.status"), lambda row: row["status_name"], is_wide_only=True),
        Column(t("progress.age"), lambda row: t(".days", n=formats.number(row["age_days"])), is_number=True),
        Column("", lambda row: _age_badge(page, row, usual)),
    ]
    note = t("progress.note", days=formats.number(usual, 1)) if usual is not None else ""
    if not rows:
        return [Notice(t("progress.none"))]
    return [page.table("progress", columns, rows, note=note)]


def _age_badge(page: Page, row: dict[str, Any], usual: float | None) -> Any:
    if row["is_flagged"]:
        return badge(page.t("progress.flagged"), "bad")
    if usual is not None and row["age_days"] > usual:
        return badge(page.t("progress.older"), "warn")
    return ""


def _sprints(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    rows = page.published.rows(
        "select * from delivery.fct_sprints where state = 'closed' and completed_at is not null"
        " order by completed_at desc, sprint_id limit 12"
    )
    if not rows:
        return [Notice(t("sprints.none"))]
    sums = page.published.row(
        "select sum(completed_item_count) as completed, sum(carried_over_item_count) as carried,"
        " sum(added_item_count) as added, sum(committed_item_count) as committed,"
        " avg(planning_accuracy_ratio) as accuracy"
        " from (select * from delivery.fct_sprints where state = 'closed' and completed_at is not null"
        " order by completed_at desc limit 12) as recent"
    )
    tiles = Tiles(
        [
            Tile(
                t("sprints.accuracy"),
                formats.percent(sums["accuracy"], 0),
                t("sprints.accuracy_detail"),
                definition=page.column("delivery.fct_sprints.planning_accuracy_ratio"),
            ),
            Tile(
                t("sprints.added"),
                formats.percent(sums["added"] / sums["committed"] if sums["committed"] else None, 0),
                t("sprints.added_detail"),
            ),
            Tile(t("sprints.carried"), formats.number(sums["carried"]), t("sprints.carried_detail")),
        ]
    )
    columns = [
        Column(t("sprints.sprint"), lambda row: row["sprint_name"]),
        Column(
            t("progress.team"),
            lambda row: teams.get(row["team_id"], row["team_id"] or "–"),
            is_wide_only=True,
        ),
        Column(t("sprints.ended"), lambda row: formats.day(row["completed_at"]), is_wide_only=True),
        Column(
            t("sprints.committed"), lambda row: formats.number(row["committed_item_count"]), is_number=True
        ),
        Column(
            t("sprints.completed"), lambda row: formats.number(row["completed_item_count"]), is_number=True
        ),
        Column(
            t("sprints.added_column"),
            lambda row: formats.number(row["added_item_count"]),
            is_number=True,
            is_wide_only=True,
        ),
        Column(
            t("sprints.carried_column"),
            lambda row: formats.number(row["carried_over_item_count"]),
            is_number=True,
            is_wide_only=True,
        ),
        Column(
            t("sprints.kept"), lambda row: formats.percent(row["planning_accuracy_ratio"], 0), is_number=True
        ),
    ]
    return [tiles, page.table("sprints", columns, rows, note=t("sprints.note"))]


def _releases(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    teams = team_names(page)
    rows = page.published.rows(
        "select * from delivery.fct_releases where not is_archived"
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
        ),
    ]
    monthly = page.published.frame(
        "select date_trunc('month', released_on)::date as month, count(*) as releases from"
        " delivery.fct_releases"
        " where is_released and released_on >= ? group by 1 order by 1",
        page.today - timedelta(days=400),
    )
    parts: list[Part] = []
    if len(monthly) >= 3:
        title = t("releases.per_month")
        svg = page.charts.stacked_bars(
            monthly.assign(kind=title),
            x="month",
            y="releases",
            colour="kind",
            colours={title: LIGHT_BLUE},
            height=170,
            y_format="d",
            describe=title,
        )
        parts.append(Figure(title, svg))
    parts.append(page.table("releases", columns, rows, title=t("releases.latest")))
    return parts
