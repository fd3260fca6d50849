"""Who asked for what was delivered, and whether anybody told them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from orchestration.publishing.report.page import Notice, Page, Part, Prose
from orchestration.publishing.report.tables import Column, muted
from orchestration.publishing.report.words import account_cell, share_in_words

LOOPS = "insight.mart_insight__loop_closure"
_DELIVERIES = "delivery.dim_deliveries"
_RECENT_DAYS = 365


def loops(page: Page) -> list[Part]:
    """Who asked for what was delivered: told, used, still asking; and whom to write to next."""
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select loops.*, account.account_name, account.crm_url, account.arr_amount,"
        " coalesce(delivery.delivery_name, loops.delivery_id) as delivery_name"
        f" from {LOOPS} as loops left join metric.dim_accounts as account"
        " on loops.account_id = account.account_id"
        f" left join {_DELIVERIES} as delivery on loops.delivery_id = delivery.delivery_id"
        " where loops.delivered_on >= ?"
        " order by loops.delivered_at desc, loops.delivery_id, loops.account_id",
        page.today - timedelta(days=_RECENT_DAYS - 1),
    )
    if not rows:
        return [Notice(t("loop.none"))]
    by_delivery: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_delivery.setdefault(row["delivery_id"], []).append(row)

    def told(group: list[dict[str, Any]]) -> int:
        return sum(1 for row in group if row["told_at"] is not None)

    def asking(group: list[dict[str, Any]]) -> int:
        return sum(1 for row in group if row["is_still_asking"])

    measured = [row for row in rows if row["is_use_measured"]]
    used = sum(1 for row in measured if row["used_on"] is not None)
    accounts = {row["account_id"] for row in rows}
    sentence = t(
        "loop.sentence",
        accounts=formats.number(len(accounts)),
        pairs=formats.number(len(rows)),
        deliveries=formats.number(len(by_delivery)),
        day=formats.day(page.today),
        told=share_in_words(page, told(rows), len(rows)),
        asking=share_in_words(page, asking(rows), len(rows)),
    )
    if measured:
        sentence += " " + t(
            "loop.used_sentence",
            used=share_in_words(page, used, len(measured)),
            measured=formats.number(len(measured)),
        )

    def count(key: str, column: str, of: Callable[[list[dict[str, Any]]], str | Markup]) -> Column:
        return Column(t(f"loop.{key}"), of, is_number=True, definition=page.column(f"{LOOPS}.{column}"))

    def uses(group: list[dict[str, Any]]) -> str | Markup:
        if not group[0]["is_use_measured"]:
            return muted(t("loop.unmeasured"))
        return formats.number(sum(1 for row in group if row["used_on"] is not None))

    columns = [
        Column(t("loop.delivery"), lambda group: group[0]["delivery_name"]),
        Column(
            t("loop.released"),
            lambda group: formats.day(group[0]["delivered_on"]),
            is_wide_only=True,
            definition=page.column(f"{LOOPS}.delivered_on"),
        ),
        count("asked", "account_id", lambda group: formats.number(len(group))),
        count("told", "told_at", lambda group: formats.number(told(group))),
        count("used", "used_on", uses),
        count("asking", "is_still_asking", lambda group: formats.number(asking(group))),
    ]
    parts: list[Part] = [
        Prose(sentence, is_lead=True),
        page.table("loop", columns, list(by_delivery.values())[:12], note=t("loop.note")),
    ]
    open_loops = sorted(
        (row for row in rows if row["told_at"] is None),
        key=lambda row: (-float(row["arr_amount"] or 0), row["account_id"], row["delivery_id"]),
    )
    by_account: dict[str, list[dict[str, Any]]] = {}
    for row in open_loops:
        by_account.setdefault(row["account_id"], []).append(row)
    if by_account:
        to_tell = [
            Column(
                t("accounts.account"),
                lambda group: account_cell(group[0]),
            ),
            Column(
                t("accounts.arr"),
                lambda group: formats.money(group[0]["arr_amount"]),
                is_number=True,
                definition=page.column("metric.dim_accounts.arr_amount"),
            ),
            Column(
                t("loop.untold"),
                lambda group: page.names([row["delivery_name"] for row in group], shown=3),
            ),
            Column(
                t("loop.asking"),
                lambda group: formats.number(asking(group)) if asking(group) else muted("–"),
                is_number=True,
                definition=page.column(f"{LOOPS}.is_still_asking"),
            ),
        ]
        parts.append(
            page.table(
                "loop-open",
                to_tell,
                list(by_account.values())[:10],
                title=page.texts.plural("customers.loop.open", len(by_account)),
                note=t("loop.open_note"),
            )
        )
    return parts
