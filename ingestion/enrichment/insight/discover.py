"""Candidates for new themes: groups among the items that no theme fits.

Belongs here: the groups, their words and typical items, and ids that last from run to run. Does not belong
here: deciding on a candidate (a person does), what suddenly comes up (`emerging.py`).

A graph of the nearest neighbours is cut into communities (Leiden). Rows are ordered by id and the seed is
fixed, so that the same items give the same groups in whatever order they come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ingestion.enrichment.insight.text import encoded_text

CANDIDATE_COLUMNS = (
    "candidate_id",
    "label",
    "item_count",
    "cohesion",
    "example_ids",
    "is_new",
)
MEMBER_COLUMNS = ("feedback_id", "candidate_id", "closeness")
_NEIGHBOURS = 10
_RESOLUTION = 8.0
_SEED = 20_260_101
_SMALLEST = 5
_SAME_MEMBERS = 0.3
_SAME_CENTRE = 0.85
_EXAMPLES = 8
_LABEL_WORDS = 4
_BLOCK = 128
_WIDENED = 2_048


def discover(
    feedback: pd.DataFrame,
    vectors: np.ndarray,
    *,
    earlier: pd.DataFrame | None = None,
    earlier_members: pd.DataFrame | None = None,
    resolution: float = _RESOLUTION,
    smallest: int = _SMALLEST,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Groups of items that say about the same.

    Arguments:
        feedback: feedback_id, text.
        vectors: float[n, d] of the same rows.
        earlier: `candidates` of the run before, with `centre` where it was kept.
        earlier_members: `members` of the run before; a group that shares members with an earlier one, or else
            has its centre where that one had it, keeps its id.
        resolution: higher gives more and smaller groups.
        smallest: groups with fewer items are left out.

    Returns:
        candidates: candidate_id, label, item_count, cohesion (mean cosine to the centre), example_ids (most
        typical items), is_new (no earlier one), centre (list of floats), largest first; and members:
        feedback_id, candidate_id, closeness (cosine to the centre), by item: those of a group only.
    """
    order = np.argsort(feedback["feedback_id"].astype("str").to_numpy(), kind="stable")
    ids = feedback["feedback_id"].astype("str").to_numpy()[order]
    texts = np.array([encoded_text(text) for text in feedback["text"]], dtype=object)[order]
    is_read = np.any(vectors, axis=1)[order]
    ids, texts, rows = ids[is_read], texts[is_read], vectors[order[is_read]]
    groups = communities(rows, resolution=resolution)
    found = []
    for group in sorted(set(groups.tolist())):
        members = np.flatnonzero(groups == group)
        if len(members) < smallest:
            continue
        of_group = rows[members].astype(np.float64)
        centre = of_group.mean(axis=0)
        centre /= max(float(np.linalg.norm(centre)), 1e-12)
        closeness = np.round(of_group @ centre, 6)
        found.append((members, centre, closeness))
    found.sort(key=lambda item: (-len(item[0]), ids[item[0][0]]))
    labels = _labels([[texts[at] for at in members] for members, _, _ in found])
    names = _lasting_ids(
        [ids[members] for members, _, _ in found], [c for _, c, _ in found], earlier, earlier_members
    )
    candidates, memberships = [], []
    for (members, centre, closeness), label, (candidate_id, is_new) in zip(found, labels, names, strict=True):
        typical = sorted(range(len(members)), key=lambda at: (-closeness[at], ids[members[at]]))
        chosen: dict[str, str] = {}
        for at in typical:
            chosen.setdefault(texts[members[at]], ids[members[at]])
        candidates.append(
            {
                "candidate_id": candidate_id,
                "label": label,
                "item_count": len(members),
                "cohesion": round(float(closeness.mean()), 6),
                "example_ids": list(chosen.values())[:_EXAMPLES],
                "is_new": is_new,
                "centre": np.round(centre, 6).tolist(),
            }
        )
        memberships.append(
            pd.DataFrame({"feedback_id": ids[members], "candidate_id": candidate_id, "closeness": closeness})
        )
    members_frame = (
        pd.concat(memberships, ignore_index=True).sort_values("feedback_id", ignore_index=True)
        if memberships
        else pd.DataFrame(columns=list(MEMBER_COLUMNS))
    )
    return pd.DataFrame(candidates, columns=[*CANDIDATE_COLUMNS, "centre"]), members_frame


def communities(vectors: np.ndarray, *, resolution: float = _RESOLUTION) -> np.ndarray:
    """The group of each row: int64[n].

    Arguments:
        vectors: float[n, d], rows of length 1, in an order that does not depend on the run.
    """
    if len(vectors) < 3:
        return np.zeros(len(vectors), dtype=np.int64)
    from graspologic_native import leiden

    edges = _edges(vectors)
    _, partition = leiden(
        edges=edges,
        starting_communities=None,
        resolution=resolution,
        randomness=0.001,
        iterations=10,
        use_modularity=True,
        seed=_SEED,
        trials=1,
    )
    groups = np.full(len(vectors), -1, dtype=np.int64)
    for node, group in partition.items():
        groups[int(node)] = group
    alone = groups < 0
    groups[alone] = groups.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return groups


def _edges(vectors: np.ndarray) -> list[tuple[str, str, float]]:
    """Nearest neighbours by cosine; a pair that is mutual counts twice."""
    count = len(vectors)
    nearest = min(_NEIGHBOURS, count - 1)
    pairs = np.empty((count, nearest), dtype=np.int64)
    weights = np.empty((count, nearest))
    for start in range(0, count, _BLOCK):
        block = _cosines(vectors[start : start + _BLOCK], vectors)
        np.round(block, 9, out=block)
        block[np.arange(len(block)), start + np.arange(len(block))] = -2.0
        for row, close in enumerate(block):
            # Equal similarities are decided by the row, never by the sort.
            limit = np.partition(close, count - nearest)[count - nearest]
            closer = np.flatnonzero(close >= limit)
            closer = closer[np.argsort(-close[closer], kind="stable")][:nearest]
            at = start + row
            pairs[at] = np.minimum(at, closer) * count + np.maximum(at, closer)
            weights[at] = np.maximum(close[closer], 1e-6)
    found, of_pair = np.unique(pairs, return_inverse=True)
    summed = np.bincount(of_pair.ravel(), weights=weights.ravel())
    width = len(str(count))
    return [
        (f"{pair // count:0{width}}", f"{pair % count:0{width}}", weight)
        for pair, weight in zip(found.tolist(), summed.tolist(), strict=True)
    ]


def _cosines(some: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """float64[some, vectors]; the vectors are widened a part at a time, as they are most of the memory."""
    wide = some.astype(np.float64)
    found = np.empty((len(some), len(vectors)))
    for start in range(0, len(vectors), _WIDENED):
        part = vectors[start : start + _WIDENED].astype(np.float64)
        found[:, start : start + len(part)] = wide @ part.T
    return found


def _labels(groups: Sequence[Sequence[str]]) -> list[str]:
    """The words that a group uses and the others do not (class-based TF-IDF)."""
    if not groups:
        return []
    from sklearn.feature_extraction.text import CountVectorizer

    counter: Any = CountVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b[^\W\d]{3,}\b", min_df=1)
    try:
        counts = counter.fit_transform([" \n ".join(texts) for texts in groups]).astype(np.float64)
    except ValueError:
        return [f"group {at + 1}" for at in range(len(groups))]
    words = counter.get_feature_names_out()
    totals = np.asarray(counts.sum(axis=0)).ravel()
    mean = counts.sum() / len(groups)
    rarity = np.log1p(mean / totals)
    labels = []
    for at in range(len(groups)):
        row = counts[at].toarray().ravel()
        weight = row / max(row.sum(), 1.0) * rarity
        chosen: list[str] = []
        for word in np.argsort(-np.round(weight, 12), kind="stable"):
            if row[word] == 0 or len(chosen) == _LABEL_WORDS:
                break
            if not any(words[word] in other or other in words[word] for other in chosen):
                chosen.append(str(words[word]))
        labels.append(", ".join(chosen) or f"group {at + 1}")
    return labels


def _lasting_ids(
    members: list[np.ndarray],
    centres: list[np.ndarray],
    earlier: pd.DataFrame | None,
    earlier_members: pd.DataFrame | None,
) -> list[tuple[str, bool]]:
    """The id of an earlier candidate where there is one, each at most once; else the hash of the members."""
    matches: list[tuple[int, float, int, str]] = []
    if earlier_members is not None and len(earlier_members):
        before = {
            str(candidate_id): set(map(str, part["feedback_id"]))
            for candidate_id, part in earlier_members.groupby("candidate_id")
        }
        for at, ids in enumerate(members):
            mine = set(ids.tolist())
            for candidate_id, theirs in before.items():
                overlap = len(mine & theirs) / len(mine | theirs)
                if overlap >= _SAME_MEMBERS:
                    matches.append((0, -overlap, at, candidate_id))
    if earlier is not None and len(earlier) and "centre" in earlier.columns:
        for at, centre in enumerate(centres):
            for candidate_id, theirs in zip(earlier["candidate_id"], earlier["centre"], strict=True):
                if len(theirs) != len(centre):
                    continue
                other = np.asarray(theirs, dtype=np.float64)
                closeness = float(centre @ other)
                if closeness >= _SAME_CENTRE:
                    matches.append((1, -round(closeness, 6), at, str(candidate_id)))
    taken: dict[int, str] = {}
    for _, _, at, candidate_id in sorted(matches):
        if at not in taken and candidate_id not in taken.values():
            taken[at] = candidate_id
    names = []
    used = set(taken.values())
    for at, ids in enumerate(members):
        if at in taken:
            names.append((taken[at], False))
            continue
        name = "candidate-" + hashlib.sha256("\n".join(ids.tolist()).encode()).hexdigest()[:10]
        while name in used:
            name += "x"
        used.add(name)
        names.append((name, True))
    return names
