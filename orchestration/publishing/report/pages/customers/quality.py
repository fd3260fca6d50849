"""How far the themes can be trusted.

Belongs here: what is without a theme, who gave the themes, and how the model stands beside people. Does not
belong here: the themes themselves (`themes.py`).
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from orchestration.publishing.report.page import Page, Part, Prose
from orchestration.publishing.report.tables import Column, muted

QUALITY = "insight.mart_insight__theme_quality"
_MEMBERS = ("all", "unknown", "drawn", "chosen")


def quality(page: Page) -> list[Part]:
    """How far the themes can be trusted: what has none, who gave them, and what people say of the model."""
    t, formats = page.t, page.formats
    rows = page.published.rows(f"select * from {QUALITY} order by measure, facet, member")
    found = {(row["measure"], row["facet"], row["member"]): row for row in rows}

    def share(measure: str, facet: str = "all", member: str = "all") -> str:
        row = found.get((measure, facet, member))
        value = row["value_ratio"] if row else 0.0
        return formats.percent(value, 0) if value is not None else "–"

    agreement = found["agreement", "all", "all"]
    sentences = [
        t(
            "quality.sentence",
            items=share("unthemed"),
            arr=share("unthemed_arr"),
            review=share("in_review"),
            model=share("assigned_by", "assigned_by", "model"),
        )
    ]
    # Of items drawn at random it holds for all items; of those that people chose it does not.
    for sample in ("drawn", "chosen"):
        row = found.get(("agreement", "sample", sample))
        decided = row["total_count"] if row else 0
        if row is None or row["is_too_few"]:
            sentences.append(t(f"quality.too_few_{sample}", n=formats.number(decided)))
            continue
        sentences.append(
            t(
                f"quality.agreement_{sample}",
                n=formats.number(decided),
                share=formats.percent(row["value_ratio"], 0),
                low=formats.percent(row["interval_low"], 0),
                high=formats.percent(row["interval_high"], 0),
                largest=share("agreement_of_largest", "sample", sample),
            )
        )
    scored = t(
        "quality.scored",
        model=str(agreement["model_id"]),
        version=str(agreement["taxonomy_version"]),
        day=formats.day(agreement["scored_from_on"]) if agreement["scored_from_on"] else "–",
    )
    parts: list[Part] = [Prose(" ".join(sentences), is_lead=True)]
    if agreement["model_note"]:
        parts.append(Prose(page.texts.label("model_notes", agreement["model_note"]), is_caution=True))
    shown = [
        row
        for row in rows
        if row["measure"] not in ("unthemed_arr", "agreement_of_largest") and row["facet"] != "theme"
    ]

    def member(row: dict[str, Any]) -> str:
        if row["facet"] == "assigned_by":
            return page.texts.label("assigned_by", row["member"])
        return t(f"quality.members.{row['member']}") if row["member"] in _MEMBERS else str(row["member"])

    def value(row: dict[str, Any]) -> str | Markup:
        if row["is_too_few"]:
            return muted(t(".too_few"))
        told = formats.percent(row["value_ratio"], 0) if row["value_ratio"] is not None else "–"
        if row["interval_low"] is None:
            return told
        low, high = (formats.percent(row[name], 0) for name in ("interval_low", "interval_high"))
        return Markup("{} {}").format(told, muted(t("satisfaction.between", low=low, high=high)))

    columns = [
        Column(t("quality.measure"), lambda row: t(f"quality.measures.{row['measure']}")),
        Column(t("quality.of"), member, is_wide_only=True),
        Column(t("quality.share"), value, is_number=True, definition=page.column(f"{QUALITY}.value_ratio")),
        Column(
            t("quality.items"),
            lambda row: formats.number(row["total_count"]),
            is_number=True,
            definition=page.column(f"{QUALITY}.total_count"),
        ),
    ]
    parts.append(page.table("theme-quality", columns, shown, note=f"{t('quality.note')} {scored}"))
    return parts
