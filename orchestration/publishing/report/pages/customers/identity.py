"""Whose the records are, and what waits for a person."""

from __future__ import annotations

from typing import Any

from orchestration.publishing.report.page import Notice, Page, Part, Prose
from orchestration.publishing.report.tables import Column, link, muted
from orchestration.publishing.report.words import share_in_words

AUDIT = "insight.mart_insight__identity_audit"
_REVIEW = "insight.mart_insight__identity_review"


def identity(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        "select source_name, instance, object_kind, sum(object_count) as objects,"
        " coalesce(sum(object_count) filter (where match_method = 'unmatched'), 0) as unmatched,"
        " sum(recent_object_count) as recent,"
        " coalesce(sum(recent_object_count) filter (where match_method = 'unmatched'), 0)"
        " as recent_unmatched,"
        " coalesce(sum(object_count) filter (where match_confidence = 'medium'), 0) as guessed"
        f" from {AUDIT} group by all having objects > 0 order by source_name, instance, object_kind"
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
            definition=page.column(f"{AUDIT}.object_count"),
        ),
        Column(
            t("identity.unmatched"),
            share("unmatched", "objects"),
            is_number=True,
            definition=page.column(f"{AUDIT}.object_ratio"),
        ),
        Column(
            t("identity.recent"),
            share("recent_unmatched", "recent"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{AUDIT}.recent_object_ratio"),
        ),
        Column(
            t("identity.guessed"),
            share("guessed", "objects"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{AUDIT}.match_confidence"),
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
