"""Judging a taxonomy before it counts: does it know its own examples, what does it confuse, what would move?

Belongs here: findings about a taxonomy. Does not belong here: what makes one unusable (`taxonomy.py` refuses
that).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ingestion.enrichment.insight.encode import Encoder
from ingestion.enrichment.insight.rules import match_rules
from ingestion.enrichment.insight.taxonomy import Taxonomy, Theme
from ingestion.enrichment.insight.text import encoded_text
from ingestion.enrichment.insight.themes import ThemeModel, learn_themes

FINDING_COLUMNS = ("severity", "theme_id", "finding", "detail", "remedy")
MOVE_COLUMNS = ("theme_id", "items_before", "items_after", "items_in", "items_out", "arr_before", "arr_after")
_FEWEST_EXAMPLES = 5
_CONFUSED_SHARE = 0.2


def lint_taxonomy(taxonomy: Taxonomy, encoder: Encoder, *, model: ThemeModel | None = None) -> pd.DataFrame:
    """What a person should look at.

    Returns:
        severity (`error`, `warning`), theme_id, finding (`few_examples`, `shared_example`, `example_lost`,
        `confused_pair`, `rule_and_counter_example`, `rule_misses_examples`, `no_rule_no_example`), detail,
        remedy; errors first.
    """
    model = model or learn_themes(taxonomy, encoder)
    rows: list[tuple[str, str, str, str, str]] = []
    rows.extend(_missing(taxonomy))
    rows.extend(_shared(taxonomy))
    rows.extend(_held_out(model))
    rows.extend(_rules(taxonomy))
    frame = pd.DataFrame(rows, columns=list(FINDING_COLUMNS), dtype="str")
    return frame.sort_values(["severity", "theme_id", "finding", "detail"], kind="stable", ignore_index=True)


def confusions(model: ThemeModel) -> pd.DataFrame:
    """Where each theme's examples go when they are left out one by one.

    Returns:
        theme_id, found_theme_id, examples, share (of the theme's examples), by theme and share.
    """
    if not model.theme_ids:
        return pd.DataFrame(columns=["theme_id", "found_theme_id", "examples", "share"])
    names = np.array(model.theme_ids, dtype=object)
    frame = pd.DataFrame(
        {"theme_id": names[model.seed_theme], "found_theme_id": names[model.held_out.argmax(axis=1)]}
    )
    counts = frame.groupby(["theme_id", "found_theme_id"]).size().rename("examples").reset_index()
    counts["share"] = counts["examples"] / counts.groupby("theme_id")["examples"].transform("sum")
    return counts.sort_values(
        ["theme_id", "share"], ascending=[True, False], kind="stable", ignore_index=True
    )


def changed_ids(before: Taxonomy, after: Taxonomy) -> pd.DataFrame:
    """Ids that are gone, or came back with another meaning: neither is allowed.

    Arguments:
        before: as it counts now.
        after: as it shall count.
    """
    rows = []
    for theme in before.themes:
        later = after.by_id.get(theme.theme_id)
        if later is None:
            remedy = "Keep the file with `status: retired`, and `merged_into` where its items go on."
            rows.append(("error", theme.theme_id, "id_gone", "the theme was removed", remedy))
            continue
        texts = {*theme.examples, *(pattern.text for pattern in theme.any_patterns)}
        others = {*later.examples, *(pattern.text for pattern in later.any_patterns)}
        if texts and others and not texts & others:
            remedy = "Give the new meaning a new id, and retire the old one."
            rows.append(
                ("error", theme.theme_id, "id_reused", "no example and no rule is left of it", remedy)
            )
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS), dtype="str")


def moved_items(before: pd.DataFrame, after: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    """What a change of the taxonomy moves.

    Arguments:
        before, after: feedback_id, theme_id of the same items, from `assign_themes`.
        feedback: feedback_id; optional account_id and arr (of the account; null is unknown and counted as
            nothing, never estimated).

    Returns:
        theme_id (null: unthemed), items_before, items_after, items_in, items_out, arr_before, arr_after (each
        account once per theme; null without arr), by items that move: one row per theme that gains or loses.
    """
    pairs = [
        frame[["feedback_id", "theme_id"]].assign(theme_id=frame["theme_id"].fillna("")).drop_duplicates()
        for frame in (before, after)
    ]
    both = pairs[0].merge(pairs[1], on=["feedback_id", "theme_id"], how="outer", indicator=True)
    known = [name for name in ("account_id", "arr") if name in feedback.columns]
    both = both.merge(
        feedback[["feedback_id", *known]].astype({"feedback_id": "str"}), on="feedback_id", how="left"
    )
    rows = []
    for theme_id, part in both.groupby("theme_id"):
        is_before, is_after = part["_merge"] != "right_only", part["_merge"] != "left_only"
        if not (part["_merge"] != "both").any():
            continue
        rows.append(
            {
                "theme_id": theme_id or None,
                "items_before": int(is_before.sum()),
                "items_after": int(is_after.sum()),
                "items_in": int((~is_before).sum()),
                "items_out": int((~is_after).sum()),
                "arr_before": _arr(part[is_before]),
                "arr_after": _arr(part[is_after]),
            }
        )
    moved = pd.DataFrame(rows, columns=list(MOVE_COLUMNS))
    size = moved["items_in"] + moved["items_out"]
    return moved.iloc[np.argsort(-size.to_numpy(dtype="int64"), kind="stable")].reset_index(drop=True)


def _arr(part: pd.DataFrame) -> float | None:
    if "arr" not in part.columns:
        return None
    key = "account_id" if "account_id" in part.columns else "feedback_id"
    return float(part.drop_duplicates(key)["arr"].fillna(0.0).sum())


def _missing(taxonomy: Taxonomy) -> list[tuple[str, str, str, str, str]]:
    rows = []
    parents = {theme.parent_id for theme in taxonomy.themes}
    for theme in taxonomy.scoring:
        if theme.merged_into or theme.theme_id in parents:
            continue
        count = len({encoded_text(example) for example in theme.examples} - {""})
        if not count and not theme.any_patterns:
            detail, remedy = "it can never find an item", "Add five to ten examples, or a rule."
            rows.append(("warning", theme.theme_id, "no_rule_no_example", detail, remedy))
        elif count < _FEWEST_EXAMPLES:
            detail = f"{count} different examples"
            rows.append(("warning", theme.theme_id, "few_examples", detail, "Give five to ten."))
    return rows


def _shared(taxonomy: Taxonomy) -> list[tuple[str, str, str, str, str]]:
    rows = []
    owners: dict[str, str] = {}
    for theme in taxonomy.scoring:
        survivor = taxonomy.survivors[theme.theme_id]
        for example in theme.examples:
            text = encoded_text(example)
            first = owners.setdefault(text, survivor) if text else survivor
            if first != survivor:
                detail = f"{example!r} stands in {first!r} too"
                rows.append(("error", theme.theme_id, "shared_example", detail, "Leave it in one of them."))
    return rows


def _held_out(model: ThemeModel) -> list[tuple[str, str, str, str, str]]:
    if len(model.theme_ids) < 2:
        return []
    rows = []
    best = model.held_out.argmax(axis=1)
    for at, (own, found) in enumerate(zip(model.seed_theme, best, strict=True)):
        if own != found:
            detail = f"{model.seeds[at]!r} without itself is {model.theme_ids[found]!r}"
            remedy = "Add examples like it, or move it."
            rows.append(("warning", model.theme_ids[own], "example_lost", detail, remedy))
    pairs = confusions(model)
    for own, found, count, share in pairs.itertuples(index=False, name=None):
        if own != found and share > _CONFUSED_SHARE:
            detail = f"{count} of its examples ({share:.0%}) are taken for {found!r}"
            remedy = "Sharpen both with examples, add `not:` sentences, or merge them."
            rows.append(("warning", own, "confused_pair", detail, remedy))
    return rows


def _rules(taxonomy: Taxonomy) -> list[tuple[str, str, str, str, str]]:
    texts: list[str] = []
    themes: list[Theme] = []
    signs: list[bool] = []
    for theme in taxonomy.scoring:
        if theme.any_patterns:
            for is_example, sentences in ((True, theme.examples), (False, theme.counter_examples)):
                texts.extend(sentences)
                themes.extend([theme] * len(sentences))
                signs.extend([is_example] * len(sentences))
    frame = pd.DataFrame({"feedback_id": [str(at) for at in range(len(texts))], "text": texts})
    hits = match_rules(frame, taxonomy)
    hit = set(zip(hits["feedback_id"], hits["theme_id"], strict=True))
    rows = []
    missed: dict[str, int] = {}
    for at, (theme, is_example) in enumerate(zip(themes, signs, strict=True)):
        is_hit = (str(at), taxonomy.survivors[theme.theme_id]) in hit
        if is_hit and not is_example:
            detail = f"its rule finds {texts[at]!r}, which stands below `not`"
            remedy = "Narrow the pattern, or add one to `none`."
            rows.append(("warning", theme.theme_id, "rule_and_counter_example", detail, remedy))
        if is_example and not is_hit:
            missed[theme.theme_id] = missed.get(theme.theme_id, 0) + 1
    for theme_id, count in missed.items():
        if count == len(set(taxonomy.by_id[theme_id].examples)):
            detail, remedy = "its rules find none of its examples", "Check the patterns."
            rows.append(("warning", theme_id, "rule_misses_examples", detail, remedy))
    return rows
