"""Themes by rule: the regular expressions of the taxonomy over texts.

Belongs here: which theme's rules an item meets, and by which pattern. Does not belong here: what else gives
an item a theme, and what wins (`precedence.py`).
"""

from __future__ import annotations

import pandas as pd

from ingestion.enrichment.insight.taxonomy import Taxonomy
from ingestion.patterns import searchable

HIT_COLUMNS = ("feedback_id", "theme_id", "pattern")


def match_rules(feedback: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    """Themes whose rules an item meets: one of `any` matches and none of `none`.

    Case is ignored; only the first `SEARCHED_CHARACTERS` of a text are read. A theme that was merged finds
    items for its survivor.

    Arguments:
        feedback: feedback_id, text (null is no text).

    Returns:
        feedback_id, theme_id, pattern (the first of the theme's that matches), by item and theme: one row per
        pair.
    """
    ruled = [theme for theme in taxonomy.scoring if theme.any_patterns]
    rows: list[tuple[str, str, str]] = []
    for feedback_id, text in zip(feedback["feedback_id"], feedback["text"], strict=True):
        if not isinstance(text, str) or not ruled:
            continue
        cut, lowered = searchable(text)
        found: dict[str, str] = {}
        for theme in ruled:
            survivor = taxonomy.survivors[theme.theme_id]
            if survivor in found:
                continue
            hit = next((p.text for p in theme.any_patterns if p.matches(cut, lowered)), None)
            if hit is not None and not any(p.matches(cut, lowered) for p in theme.none_patterns):
                found[survivor] = hit
        rows.extend((feedback_id, theme_id, pattern) for theme_id, pattern in found.items())
    hits = pd.DataFrame(rows, columns=list(HIT_COLUMNS), dtype="str")
    return hits.sort_values(["feedback_id", "theme_id"], kind="stable", ignore_index=True)
