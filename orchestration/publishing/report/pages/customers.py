"""Customers: what they say, how satisfied they are, who they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import AMBER, BLUE, GREEN, GREY, LIGHT_BLUE, PALETTE, RED
from orchestration.publishing.report.page import (
    Figure,
    Notice,
    Page,
    Pair,
    Part,
    Prose,
    Tile,
    Tiles,
)
from orchestration.publishing.report.pages.voice import (
    LOOPS,
    OPPORTUNITIES,
    VOICE,
    WEEKLY,
    loops,
    opportunities,
    satisfaction,
    theme_weeks,
)
from orchestration.publishing.report.tables import Column, badge, link, muted
from orchestration.publishing.report.words import share_in_words

_FEEDBACK = "insight.fct_feedback"
_THEMES = "insight.dim_themes"
_ITEM_THEMES = "insight.fct_feedback_themes"
THEME_TABLES = (_ITEM_THEMES, _THEMES, _FEEDBACK)
_HEALTH = "insight.mart_insight__account_health"
_AUDIT = "insight.mart_insight__identity_audit"
_REVIEW = "insight.mart_insight__identity_review"
_COMPONENTS = (
    "usage_trend",
    "active_share",
    "support_load",
    "sentiment",
    "renewal_distance",
    "champion_activity",
)
_FELL_BY = 15
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
    page.section("satisfaction", [VOICE], lambda: satisfaction(page))
    page.section("themes", THEME_TABLES, lambda: _themes(page))
    page.section("opportunities", [OPPORTUNITIES], lambda: opportunities(page))
    page.section("loop", [LOOPS, "metric.dim_accounts", "delivery.dim_deliveries"], lambda: loops(page))
    page.section("health", [_HEALTH, "metric.dim_accounts"], lambda: _health(page))
    page.section("losses", ["metric.fct_deals"], lambda: _losses(page), lead=page.t("losses.lead"))
    page.section("accounts", ["metric.dim_accounts"], lambda: _accounts(page), lead=page.t("accounts.lead"))
    page.section("identity", [_AUDIT], lambda: _identity(page))


def feedback_by_week(
    page: Page, by: str, colours: dict[str, str], group: str, *, width: int, weeks: int
) -> Figure:
    """Stacked weekly counts of feedback by a column."""
    last = page.today
    data = page.published.frame(
        f"select date_trunc('week', occurred_on)::date as week, coalesce({by}, 'unknown') as part,"
        " count(*) as items"
        f" from {_FEEDBACK} where occurred_on >= date_trunc('week', ?::date)"
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
        definition=page.column(f"{_FEEDBACK}.{by}"),
    )


def kind_figure(page: Page, width: int = HALF) -> Figure:
    return feedback_by_week(page, "kind", _KIND_COLOURS, "kinds", width=width, weeks=26)


def tag_rows(page: Page, days: int, limit: int) -> list[dict[str, Any]]:
    """The source's own tags of the last `days`, by the accounts behind them."""
    last = page.today
    return page.published.rows(
        "with tags as (select trim(unnest(string_split(tags, ';'))) as tag, account_id, arr_amount,"
        " occurred_on"
        f" from {_FEEDBACK} where tags is not null and occurred_on between ? and ?),"
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
        "select count(*) filter (where occurred_on >= ?) as now,"
        " count(*) filter (where occurred_on >= ? and occurred_on < ?) as before,"
        " count(distinct account_id) filter (where occurred_on >= ?) as accounts,"
        " count(*) filter (where occurred_on >= ? and account_id is null) as unmatched,"
        " count(*) filter (where occurred_on >= ? and kind_assigned_by = 'model') as by_model"
        f" from {_FEEDBACK} where occurred_on <= ?",
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
                t("feedback.by_model"),
                formats.percent(counts["by_model"] / now if now else None, 0),
                t("feedback.by_model_detail"),
                definition=page.column(f"{_FEEDBACK}.kind_assigned_by"),
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
    parts: list[Part] = [Prose(sentence, is_lead=True), tiles, figures]
    # The source's tags stand in for themes where the company has none yet.
    return [*parts, tag_table(page, 90, 10)] if page.published.missing(THEME_TABLES) else parts


def _losses(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    year_ago = page.today - timedelta(days=364)
    reasons = page.published.frame(
        "select coalesce(loss_reason, 'unknown') as reason, count(*) as deals, sum(reporting_amount)"
        " as amount"
        " from metric.fct_deals where status = 'lost' and closed_on >= ? group by 1 order by deals"
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
        told = [f"{reason}: {text}" for reason, text in zip(data["reason"], data["text"], strict=True)]
        figures.append(
            Figure(
                title,
                page.charts.bars(
                    data,
                    label="reason",
                    value="deals",
                    text="text",
                    describe=". ".join([title, *told]),
                    colour="#9bb8cf",
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
            told = [f"{reason}: {text}" for reason, text in zip(data["reason"], data["text"], strict=True)]
            figures.append(
                Figure(
                    title,
                    page.charts.bars(
                        data,
                        label="reason",
                        value="amount",
                        text="text",
                        describe=". ".join([title, *told]),
                        colour="#dba29a",
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
        f" from {_ITEM_THEMES} as item inner join {_THEMES} as theme on item.theme_id = theme.theme_id"
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
            definition=page.column(f"{_ITEM_THEMES}.{definition}"),
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
            definition=page.column(f"{_ITEM_THEMES}.arr_amount"),
        ),
        Column(
            t("customers.themes.owner"),
            lambda row: row["owner"] or badge(t("metrics.all.nobody"), "warn"),
            is_wide_only=True,
        ),
    ]
    return page.table(
        "themes",
        columns,
        theme_rows(page, days, limit),
        title=t("customers.themes.table", days=days),
        note=t("customers.themes.note"),
        definition=page.column(f"{_ITEM_THEMES}.theme_id"),
    )


def themes_told(page: Page, days: int, limit: int) -> list[Part]:
    """What customers talked about most, how much of it has no theme, and who said what it is about."""
    t, formats = page.texts, page.formats
    last = page.today
    window = (last - timedelta(days=days - 1), last + timedelta(days=1))
    rows = theme_rows(page, days, limit)
    counts = page.published.row(
        "select count(*) as items, count(*) filter (where themed.feedback_id is null) as unthemed"
        f" from {_FEEDBACK} as item left join (select distinct feedback_id from {_ITEM_THEMES}) as themed"
        " on item.feedback_id = themed.feedback_id where item.occurred_on >= ? and item.occurred_on < ?",
        *window,
    )
    if not rows or not counts["items"]:
        return [Notice(t("customers.themes.none"))]
    by = page.published.rows(
        f"select assigned_by, count(*) as items from {_ITEM_THEMES} where occurred_on >= ?"
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


def _themes(page: Page) -> list[Part]:
    parts = themes_told(page, 28, 15)
    return parts if page.published.missing([WEEKLY]) else [*parts, *theme_weeks(page)]


def _health(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    weeks = page.published.frame(
        "select scored_on, sum(health_score * arr_amount) / nullif(sum(arr_amount), 0) as score,"
        f" count(*) as accounts from {_HEALTH} where health_score is not null group by 1 order by 1"
    )
    rows = page.published.rows(
        "select now.*, before.health_score as before, account.account_name, account.crm_url"
        f" from {_HEALTH} as now"
        f" left join {_HEALTH} as before on now.account_id = before.account_id"
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
                definition=page.column(f"{_HEALTH}.health_score"),
            ),
            Tile(
                t("health.scored"),
                formats.number(len(scored)),
                t("health.scored_detail", total=formats.number(len(rows))),
                definition=page.column(f"{_HEALTH}.known_weight_ratio"),
            ),
            Tile(
                t("health.right"),
                trust,
                t("health.right_detail", **cases),
                definition=page.column(f"{_HEALTH}.backtest_auc"),
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
        Column(
            t("accounts.account"), lambda row: link(row["crm_url"], row["account_name"] or row["account_id"])
        ),
        Column(
            t("health.score"),
            lambda row: formats.number(row["health_score"]),
            is_number=True,
            definition=page.column(f"{_HEALTH}.health_score"),
        ),
        Column(
            t("health.change"),
            lambda row: "–" if row["before"] is None else formats.signed(row["health_score"] - row["before"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_HEALTH}.health_score"),
        ),
        Column(
            t("accounts.arr"),
            lambda row: formats.money(row["arr_amount"]),
            is_number=True,
            definition=page.column(f"{_HEALTH}.arr_amount"),
        ),
        Column(t("health.weakest"), weakest),
        Column(
            t("health.known"),
            lambda row: formats.percent(row["known_weight_ratio"], 0),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_HEALTH}.known_weight_ratio"),
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
                definition=page.column(f"{_HEALTH}.health_score"),
            )
        )
    parts.append(page.table("health", columns, scored[:12], title=t("health.lowest"), note=t("health.note")))
    return parts


def _identity(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select source_name, instance, object_kind, sum(object_count) as objects,"
        " coalesce(sum(object_count) filter (where match_method = 'unmatched'), 0) as unmatched,"
        " sum(recent_object_count) as recent,"
        " coalesce(sum(recent_object_count) filter (where match_method = 'unmatched'), 0)"
        " as recent_unmatched,"
        " coalesce(sum(object_count) filter (where match_confidence = 'medium'), 0) as guessed"
        f" from {_AUDIT} group by all having objects > 0 order by source_name, instance, object_kind"
    )
    if not rows:
        return [Notice(t("identity.none"))]
    worst = max(rows, key=lambda row: row["unmatched"] / row["objects"])

    def share(part: str, whole: str) -> Any:
        def show(row: dict[str, Any]) -> str:
            return (
                "–"
                if not row[whole]
                else share_in_words(page, float(row[part]), float(row[whole]), in_table=True)
            )

        return show

    columns = [
        Column(
            t("identity.records"),
            lambda row: f"{page.texts.label('identity_kinds', row['object_kind'])} ({row['instance']})",
        ),
        Column(
            t("identity.count"),
            lambda row: formats.number(row["objects"]),
            is_number=True,
            definition=page.column(f"{_AUDIT}.object_count"),
        ),
        Column(
            t("identity.unmatched"),
            share("unmatched", "objects"),
            is_number=True,
            definition=page.column(f"{_AUDIT}.object_ratio"),
        ),
        Column(
            t("identity.recent"),
            share("recent_unmatched", "recent"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_AUDIT}.recent_object_ratio"),
        ),
        Column(
            t("identity.guessed"),
            share("guessed", "objects"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_AUDIT}.match_confidence"),
        ),
    ]
    sentence = t(
        "identity.sentence",
        kind=page.texts.label("identity_kinds", worst["object_kind"]),
        instance=worst["instance"],
        unmatched=formats.number(worst["unmatched"]),
        total=formats.number(worst["objects"]),
        day=formats.moment(page.published.publication.data_as_of),
    )
    parts: list[Part] = [
        Prose(sentence, is_lead=True),
        page.table("identity", columns, rows, note=t("identity.note")),
    ]
    if page.published.missing([_REVIEW]):
        return parts
    waiting = page.published.rows(
        "select review.*, account.account_name, account.crm_url"
        f" from {_REVIEW} as review left join metric.dim_accounts as account"
        " on review.proposed_account_id = account.account_id where review.candidate_rank = 1"
        " order by review.arr_amount desc nulls last, review.affected_count desc, review.review_id limit 12"
    )
    review = [
        Column(
            t("identity.record"),
            lambda row: f"{page.texts.label('identity_kinds', row['object_kind'])} {row['object_id']}",
        ),
        Column(
            t("identity.proposal"),
            lambda row: (
                muted(t("identity.no_proposal"))
                if row["proposed_account_id"] is None
                else link(row["crm_url"], row["account_name"] or row["proposed_account_id"])
            ),
        ),
        Column(
            t("identity.reason"),
            lambda row: page.texts.label("identity_reasons", row["reason"]),
            is_wide_only=True,
        ),
        Column(
            t("identity.affected"),
            lambda row: formats.number(row["affected_count"]),
            is_number=True,
            definition=page.column(f"{_REVIEW}.affected_count"),
        ),
        Column(
            t("identity.arr"),
            lambda row: formats.money(row["arr_amount"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{_REVIEW}.arr_amount"),
        ),
    ]
    if waiting:
        parts.append(
            page.table(
                "identity-review",
                review,
                waiting,
                title=t("identity.waiting"),
                note=t("identity.review_note"),
            )
        )
    return parts
