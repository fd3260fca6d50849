"""Where to look first, and what is being done."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from orchestration.publishing.report.page import Notice, Page, Part, Prose
from orchestration.publishing.report.tables import Column, badge, muted
from orchestration.publishing.report.words import owner_cell

OPPORTUNITIES = "insight.mart_insight__opportunities"
_DELIVERIES = "delivery.dim_deliveries"


def opportunity_rows(page: Page) -> list[dict[str, Any]]:
    """Themes that anything speaks for, the first to look at first."""
    language = "name_pt" if page.texts.language == "pt" else "name_en"
    return page.published.rows(
        f"select *, coalesce({language}, name_en, theme_id) as name from {OPPORTUNITIES}"
        " where mention_count > 0 or lost_account_count > 0 or open_deal_count > 0 or lost_deal_count > 0"
        " order by opportunity_score desc, account_count desc, theme_id"
    )


def opportunities(page: Page) -> list[Part]:
    """Where to look first, with what the order is made of and what is being done."""
    t, formats = page.t, page.formats
    rows = opportunity_rows(page)
    if not rows:
        return [Notice(t("opportunities.none"))]
    shown = rows[:12]
    deliveries: dict[str, dict[str, Any]] = {}
    if not page.published.missing([_DELIVERIES]):
        deliveries = {
            row["delivery_id"]: row
            for row in page.published.rows(f"select delivery_id, delivery_name, status from {_DELIVERIES}")
        }

    def answers(row: dict[str, Any]) -> str | Markup:
        ids = [one for one in (row["delivery_ids"] or "").split(",") if one]
        if not ids:
            return badge(t("opportunities.nothing"), "warn")
        told = []
        for one in ids:
            found = deliveries.get(one)
            name = found["delivery_name"] if found and found["delivery_name"] else one
            state = page.texts.label("statuses", found["status"]) if found else ""
            told.append(Markup("{} {}").format(name, muted(state)))
        return Markup("<br>").join(told)

    def amount(column: str, key: str, *, count: str | None = None) -> Column:
        def show(row: dict[str, Any]) -> str | Markup:
            if count is not None and not row[count]:
                return muted("–")
            return formats.money(row[column])

        return Column(
            t(f"opportunities.{key}"),
            show,
            is_number=True,
            is_wide_only=count is not None,
            definition=page.column(f"{OPPORTUNITIES}.{column}"),
        )

    columns = [
        Column(
            t("themes.theme"),
            lambda row: Markup("{}<span data-wide> {}</span>").format(
                row["name"],
                muted(row["owner"]) if row["owner"] else owner_cell(page, None),
            ),
        ),
        Column(
            t("opportunities.score"),
            lambda row: Markup("{}<span data-wide> {}</span>").format(
                formats.number(row["opportunity_score"]),
                muted(
                    t(
                        "opportunities.made_of",
                        accounts=formats.number(100 * row["accounts_score"]),
                        arr=formats.number(100 * row["arr_score"]),
                    )
                ),
            ),
            is_number=True,
            definition=page.column(f"{OPPORTUNITIES}.opportunity_score"),
        ),
        Column(
            t("feedback.accounts"),
            lambda row: Markup("{}<span data-wide> {}</span>").format(
                formats.number(row["account_count"]),
                muted(t("opportunities.was", before=formats.number(row["account_before_count"]))),
            ),
            is_number=True,
            definition=page.column(f"{OPPORTUNITIES}.account_count"),
        ),
        Column(
            t("feedback.mentions"),
            lambda row: formats.number(row["mention_count"]),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{OPPORTUNITIES}.mention_count"),
        ),
        amount("current_arr_amount", "arr"),
        amount("lost_arr_amount", "lost_arr", count="lost_account_count"),
        amount("open_pipeline_amount", "open", count="open_deal_count"),
        amount("lost_pipeline_amount", "lost", count="lost_deal_count"),
        Column(
            t("opportunities.answered"),
            answers,
            is_wide_only=True,
            definition=page.column(f"{OPPORTUNITIES}.delivery_ids"),
        ),
    ]
    first = rows[0]
    number = formats.number
    sentence = t(
        "opportunities.sentence",
        theme=first["name"],
        accounts=number(first["account_count"]),
        before=number(first["account_before_count"]),
        arr=formats.money(first["current_arr_amount"]),
        mentions=number(first["mention_count"]),
        day=formats.day(page.published.publication.data_as_of),
    )
    unanswered = sum(1 for row in shown if not row["delivery_count"])
    if unanswered:
        sentence += " " + page.texts.plural(
            "customers.opportunities.unanswered", unanswered, total=number(len(shown))
        )
    return [
        Prose(sentence, is_lead=True),
        page.table("opportunities", columns, shown, note=t("opportunities.note")),
    ]
