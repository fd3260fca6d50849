"""Sales: what is open, by stage, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

from orchestration.publishing.report.drawing import AMBER, BLUE, GREY, LIGHT_BLUE, TEAL
from orchestration.publishing.report.page import Page, Part, Prose, Tile, Tiles
from orchestration.publishing.report.words import share_in_words

PIPELINE = "metric.mart_metric__pipeline"
PIPELINE_DAILY = "metric.mart_metric__pipeline_daily"


def pipeline(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    last = page.today
    earlier = last - timedelta(days=28)
    levels = {
        row["date_on"]: row
        for row in page.published.rows(
            "select date_on, sum(open_deal_count) as deals,"
            " case when count(open_amount) = count(*) then sum(open_amount) end as amount,"
            " case when count(open_amount) = count(*) then sum(weighted_amount) end as weighted"
            f" from {PIPELINE_DAILY} where segment = 'all'"
            " and date_on in (?, ?) group by 1",
            last,
            earlier,
        )
    }
    nothing = {"deals": 0, "amount": 0, "weighted": 0}
    now, before = levels.get(last, nothing), levels.get(earlier, nothing)
    months = page.published.rows(
        f"select * from {PIPELINE} where cohort_basis = 'closed' and deal_type = 'all' and segment = 'all'"
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
            definition=page.column(f"{PIPELINE_DAILY}.open_amount"),
        ),
        Tile(
            t("pipeline.weighted"),
            formats.money(now["weighted"]),
            t("pipeline.open_detail", before=formats.money(before["weighted"])),
            definition=page.column(f"{PIPELINE_DAILY}.weighted_amount"),
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
                definition=page.column(f"{PIPELINE}.win_ratio"),
            )
        )
    parts.append(Tiles(tiles))
    data = page.published.frame(
        "select date_on, stage_id, max(pipeline_name || ': ' || stage_name) as stage,"
        " max(pipeline_id) as pipeline_id, max(stage_position) as stage_position,"
        f" sum(open_amount)::double as amount from {PIPELINE_DAILY} where segment = 'all'"
        " and date_on between ? and ? and dayofweek(date_on) = dayofweek(?)"
        f" and date_on not in (select date_on from {PIPELINE_DAILY} where open_amount is null)"
        " group by 1, 2 order by 1, 2",
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
                definition=page.column(f"{PIPELINE_DAILY}.open_amount"),
            )
        )
    return parts
