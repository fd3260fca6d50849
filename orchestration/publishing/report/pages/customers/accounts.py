"""The largest customers, and why deals and customers are lost."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from orchestration.publishing.report.page import Figure, Page, Pair, Part, Prose
from orchestration.publishing.report.tables import Column, muted
from orchestration.publishing.report.words import account_cell


def losses(page: Page) -> list[Part]:
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


def accounts(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select * from metric.dim_accounts where lifecycle_status = 'customer' and not is_excluded"
        " order by arr_amount desc nulls last, account_id limit 15"
    )
    columns = [
        Column(t("accounts.account"), lambda row: account_cell(row)),
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
