"""Which assignment wins, and what each row says about where it came from.

Belongs here: human > source > rule > model > unthemed, and the rows that result. Does not belong here: how
each of them is found.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ingestion.enrichment.insight.taxonomy import Taxonomy, TaxonomyInvalid
from ingestion.enrichment.insight.themes import ASSIGNED, REVIEW, UNTHEMED

THEME_COLUMNS = (
    "feedback_id",
    "theme_id",
    "assigned_by",
    "confidence",
    "is_primary",
    "suggested_theme_id",
    "evidence",
    "model_id",
    "taxonomy_version",
)
HUMAN, SOURCE, RULE, MODEL = "override", "source", "rule", "model"
_ORDER = {HUMAN: 0, SOURCE: 1, RULE: 2, MODEL: 3, REVIEW: 4, UNTHEMED: 5}
ACTIONS = ("add", "remove", "set")


def assign_themes(
    feedback_ids: Iterable[str],
    taxonomy: Taxonomy,
    *,
    scores: pd.DataFrame,
    hits: pd.DataFrame,
    overrides: pd.DataFrame | None = None,
    source_themes: pd.DataFrame | None = None,
    model_id: str,
) -> pd.DataFrame:
    """The themes of each item, each by the strongest of those that name it.

    The model speaks only for items that nothing stronger gave a theme: a rule or a mapped field was written
    by somebody who knows. Overrides: `set` leaves an item just the themes that are set, `add` adds one,
    `remove` takes one away whoever gave it. The last one on an item and theme counts, by decided_at and then
    by the order of the rows. One on a theme that was merged means its survivor; one on a theme that is
    over takes nothing away and adds nothing.

    Arguments:
        feedback_ids: all items.
        scores: from `score_themes`.
        hits: from `match_rules`.
        overrides: feedback_id, theme_id, action (`add`, `remove`, `set`), decided_at; see `read_overrides`.
        source_themes: feedback_id, theme_id: mapped from fields of the source.

    Returns:
        feedback_id, theme_id (null: unthemed), assigned_by (`override`, `source`, `rule`, `model`, `review`,
        `unthemed`), confidence (1 for what no model says), is_primary (exactly one row per item),
        suggested_theme_id (of an item in review), evidence (the pattern, or who decided), model_id,
        taxonomy_version. One row per item and theme, at least one per item, by item and primary first.
    """
    ids = pd.Index(pd.Series(list(feedback_ids), dtype="str").unique(), name="feedback_id")
    model = scores.loc[scores["status"] == ASSIGNED, ["feedback_id", "theme_id", "confidence", "rank"]]
    parts = [
        _part(source_themes, SOURCE, taxonomy),
        _part(hits.rename(columns={"pattern": "evidence"}), RULE, taxonomy),
    ]
    firm = pd.concat(parts, ignore_index=True)
    strongest = firm.groupby("feedback_id")["order"].min() if len(firm) else pd.Series(dtype="int64")
    firm = firm[firm["order"] == firm["feedback_id"].map(strongest)]
    by_model = model[~model["feedback_id"].isin(firm["feedback_id"])]
    rows = pd.concat([firm, _part(by_model, MODEL, taxonomy)], ignore_index=True)
    rows = rows[rows["feedback_id"].isin(ids)]
    rows = _overridden(rows, overrides, taxonomy, ids)
    # The model's opinion orders what rules and fields give, where it has one.
    opinion = scores.dropna(subset=["theme_id"]).set_index(["feedback_id", "theme_id"])["confidence"]
    opinion = opinion[~opinion.index.duplicated()]
    keys = pd.MultiIndex.from_frame(rows[["feedback_id", "theme_id"]])
    rows["opinion"] = opinion.reindex(keys).fillna(0.0).to_numpy() if len(rows) else 0.0
    rows["suggested_theme_id"] = None
    missing = ids.difference(pd.Index(rows["feedback_id"].unique()))
    rest = scores[scores["feedback_id"].isin(missing) & (scores["rank"] == 1)].drop_duplicates("feedback_id")
    rest = pd.DataFrame({"feedback_id": missing}).merge(rest, on="feedback_id", how="left")
    was_removed = rest["status"].eq(ASSIGNED)
    in_review = rest["status"].eq(REVIEW)
    rest = pd.DataFrame(
        {
            "feedback_id": rest["feedback_id"],
            "theme_id": None,
            "assigned_by": in_review.map({True: REVIEW, False: UNTHEMED}),
            "confidence": rest["confidence"].where(~was_removed, 0.0).fillna(0.0),
            "evidence": None,
            "order": in_review.map({True: _ORDER[REVIEW], False: _ORDER[UNTHEMED]}),
            "opinion": 0.0,
            "suggested_theme_id": rest["theme_id"].where(in_review, None),
        }
    )
    final = pd.concat([rows, rest], ignore_index=True) if len(rest) else rows
    final = final.sort_values(
        ["feedback_id", "order", "opinion", "confidence", "theme_id"],
        ascending=[True, True, False, False, True],
        kind="stable",
        ignore_index=True,
    )
    final["is_primary"] = ~final["feedback_id"].duplicated()
    final["model_id"] = model_id
    final["taxonomy_version"] = taxonomy.version
    final = final[list(THEME_COLUMNS)]
    texts = [name for name in THEME_COLUMNS if name not in ("confidence", "is_primary")]
    return final.astype({**dict.fromkeys(texts, "str"), "confidence": "float64", "is_primary": "bool"})


def _part(frame: pd.DataFrame | None, assigned_by: str, taxonomy: Taxonomy) -> pd.DataFrame:
    columns = ["feedback_id", "theme_id", "assigned_by", "confidence", "evidence", "order"]
    if frame is None or frame.empty:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in columns}).astype({"order": "int64"})
    part = pd.DataFrame(
        {
            "feedback_id": frame["feedback_id"].astype("str").to_numpy(),
            "theme_id": [taxonomy.current(str(theme_id)) for theme_id in frame["theme_id"]],
            "assigned_by": assigned_by,
            "confidence": frame["confidence"].to_numpy("float64") if assigned_by == MODEL else 1.0,
            "evidence": frame["evidence"].to_numpy() if "evidence" in frame.columns else None,
            "order": _ORDER[assigned_by],
        }
    )
    return part.dropna(subset=["theme_id"]).drop_duplicates(["feedback_id", "theme_id"])


def _overridden(
    rows: pd.DataFrame, overrides: pd.DataFrame | None, taxonomy: Taxonomy, ids: pd.Index
) -> pd.DataFrame:
    if overrides is None or overrides.empty:
        return rows
    unknown = sorted(set(overrides["action"].dropna()) - set(ACTIONS))
    if unknown:
        raise TaxonomyInvalid(
            f"overrides with an action of {', '.join(ACTIONS)}",
            f"{unknown[0]!r}",
            "correct it",
            source="themes",
        )
    said = overrides[overrides["feedback_id"].isin(ids)].copy()
    said["theme_id"] = [taxonomy.current(str(theme_id)) for theme_id in said["theme_id"]]
    said = said.dropna(subset=["theme_id"])
    if "decided_at" in said.columns:
        said["moment"] = said["decided_at"].fillna("").astype("str")
        said = said.sort_values("moment", kind="stable")
    said = said.drop_duplicates(["feedback_id", "theme_id"], keep="last")
    closed = set(said.loc[said["action"] == "set", "feedback_id"])
    removed = set(zip(said["feedback_id"], said["theme_id"], strict=True))
    keys = list(zip(rows["feedback_id"], rows["theme_id"], strict=True))
    kept = [key not in removed and key[0] not in closed for key in keys]
    given = said[said["action"] != "remove"]
    by_person = given.get("decided_by", pd.Series(index=given.index, dtype="str"))
    added = _part(given.assign(evidence=by_person), HUMAN, taxonomy)
    return pd.concat([rows[kept], added], ignore_index=True)
