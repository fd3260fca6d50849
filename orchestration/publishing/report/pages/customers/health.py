"""Account health: the score, how it is tested, and the lowest."""

from __future__ import annotations

from typing import Any

from orchestration.publishing.report.drawing import BLUE
from orchestration.publishing.report.page import Notice, Page, Part, Prose, Tile, Tiles
from orchestration.publishing.report.tables import Column
from orchestration.publishing.report.words import account_cell

HEALTH = "insight.mart_insight__account_health"
_COMPONENTS = (
    "usage_trend",
    "active_share",
    "support_load",
    "sentiment",
    "renewal_distance",
    "champion_activity",
)
_FELL_BY = 15


def health(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    weeks = page.published.frame(
        "select scored_on, sum(health_score * arr_amount) / nullif(sum(arr_amount), 0) as score,"
        f" count(*) as accounts from {HEALTH} where health_score is not null group by 1 order by 1"
    )
    rows = page.published.rows(
        "select now.*, before.health_score as before, account.account_name, account.crm_url"
        f" from {HEALTH} as now"
        f" left join {HEALTH} as before on now.account_id = before.account_id"
        " and before.week_start_on = now.week_start_on - interval 28 day"
        " left join metric.dim_accounts as account on now.account_id = account.account_id"
        " where now.is_latest order by now.health_score nulls last, now.account_id"
    )
    scored = [row for row in rows if row["health_score"] is not None]
    if weeks.empty or not scored:
        return [Notice(t("health.none"))]
    fell = [
        row for row in scored if row["before"] is not None and row["before"] - row["health_score"] >= _FELL_BY
    ]
    now = float(weeks.iloc[-1]["score"])
    before = float(weeks.iloc[-5]["score"]) if len(weeks) >= 5 else None
    test = scored[0]
    auc = test["backtest_auc"]
    cases = {
        "churned": formats.number(test["backtest_churned_count"]),
        "cases": formats.number(test["backtest_case_count"]),
        "days": formats.number(test["backtest_horizon_days"]),
    }
    if auc is None:
        verdict, trust = t("health.untested", **cases), t(".too_few")
    else:
        trust = formats.percent(auc, 0)
        bounds = {
            "low": formats.percent(test["backtest_auc_low"], 0),
            "high": formats.percent(test["backtest_auc_high"], 0),
        }
        # An interval that holds chance is no evidence that the score tells anything.
        word = "tested" if test["backtest_auc_low"] > 0.5 else "no_better"
        verdict = t(f"health.{word}", auc=trust, **bounds, **cases)
    sentence = page.texts.plural(
        "customers.health.sentence",
        len(fell),
        by=_FELL_BY,
        arr=formats.money(sum(float(row["arr_amount"] or 0) for row in fell)),
        day=formats.day(test["scored_on"]),
    )
    tiles = Tiles(
        [
            Tile(
                t("health.mean", day=formats.day(test["scored_on"])),
                formats.number(now),
                t(".no_comparison") if before is None else t("health.before", before=formats.number(before)),
                definition=page.column(f"{HEALTH}.health_score"),
            ),
            Tile(
                t("health.scored"),
                formats.number(len(scored)),
                t("health.scored_detail", total=formats.number(len(rows))),
                definition=page.column(f"{HEALTH}.known_weight_ratio"),
            ),
            Tile(
                t("health.right"),
                trust,
                t("health.right_detail", **cases),
                definition=page.column(f"{HEALTH}.backtest_auc"),
            ),
        ]
    )

    def weakest(row: dict[str, Any]) -> str:
        # What takes most off: weight times distance from the best.
        lost = {
            name: float(row[f"{name}_weight"] or 0) * (1 - float(row[f"{name}_score"]))
            for name in _COMPONENTS
            if row[f"{name}_score"] is not None
        }
        name = max(lost, key=lambda one: lost[one], default=None)
        return "–" if name is None or not lost[name] else page.texts.label("health_components", name)

    columns = [
        Column(t("accounts.account"), lambda row: account_cell(row)),
        Column(
            t("health.score"),
            lambda row: formats.number(row["health_score"]),
            is_number=True,
            definition=page.column(f"{HEALTH}.health_score"),
        ),
        Column(
            t("health.change"),
            lambda row: "–" if row["before"] is None else formats.signed(row["health_score"] - row["before"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{HEALTH}.health_score"),
        ),
        Column(
            t("accounts.arr"),
            lambda row: formats.money(row["arr_amount"]),
            is_number=True,
            definition=page.column(f"{HEALTH}.arr_amount"),
        ),
        Column(t("health.weakest"), weakest),
        Column(
            t("health.known"),
            lambda row: formats.percent(row["known_weight_ratio"], 0),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{HEALTH}.known_weight_ratio"),
        ),
    ]
    parts: list[Part] = [Prose(sentence, is_lead=True), Prose(verdict, is_caution=True), tiles]
    recent = weeks.tail(53).assign(kind="score")
    if len(recent) >= 3:
        title = t("health.chart")
        parts.append(
            page.series(
                title,
                recent,
                x="scored_on",
                draw=lambda marks: page.charts.lines(
                    recent,
                    x="scored_on",
                    y="score",
                    colour="kind",
                    colours={"score": BLUE},
                    height=180,
                    y_format="d",
                    from_zero=False,
                    marks=marks,
                    describe=page.in_words(
                        title, recent, x="scored_on", y="score", show=lambda value: formats.number(value)
                    ),
                ),
                marks=page.marks(),
                definition=page.column(f"{HEALTH}.health_score"),
            )
        )
    parts.append(page.table("health", columns, scored[:12], title=t("health.lowest"), note=t("health.note")))
    return parts
