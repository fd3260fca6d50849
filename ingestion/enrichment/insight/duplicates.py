"""Near-duplicates: the same message sent again, forwarded, or reported by a form.

Belongs here: groups of items whose canonical texts are nearly equal. Does not belong here: the canonical text
(`text.py`), and items that mean the same in other words, which are no duplicates.

Items join a group's representative, never one another in a chain: two items of a group are both close to the
first one. Candidates come from MinHash, the decision from the true Jaccard similarity.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from ingestion.enrichment.insight.text import canonical_text

# Another one means that everything is compared anew.
METHOD = "minhash-1"
DUPLICATE_COLUMNS = ("feedback_id", "duplicate_group_id", "is_duplicate", "similarity")
_SHINGLE = 5
_BANDS = 20
_BAND_ROWS = 3
_JACCARD = 0.8
# A shorter message ("thanks", "ok") is equal by chance; it only ever groups with its exact twin.
_SHORTEST = 12
_SEED = 20_260_101


def find_duplicates(feedback: pd.DataFrame, *, scope: str | None = None) -> pd.DataFrame:
    """The duplicate group of each item.

    Arguments:
        feedback: feedback_id, text; occurred_at where the earliest item of a group shall represent it, else
            the smallest id does; and the column named by `scope`.
        scope: items are only compared where they agree in it, for instance an account.

    Returns:
        feedback_id, duplicate_group_id (the representative's feedback_id; an item alone is its own),
        is_duplicate (not the representative), similarity to the representative (1 for itself). One row per
        item, by id. An item without a text is alone.
    """
    items = feedback.copy()
    sort = ["occurred_at", "feedback_id"] if "occurred_at" in items.columns else ["feedback_id"]
    items = items.sort_values(sort, kind="stable", ignore_index=True)
    texts = [canonical_text(text) for text in items["text"]]
    scopes = items[scope].astype("str").tolist() if scope else [""] * len(items)
    first_of: dict[tuple[str, str], int] = {}
    twin = np.arange(len(items))
    for at, key in enumerate(zip(scopes, texts, strict=True)):
        if key[1]:
            twin[at] = first_of.setdefault(key, at)
    group, similarity = _join([at for at in range(len(items)) if twin[at] == at], texts, scopes)
    ids = items["feedback_id"].tolist()
    leader = [group.get(int(twin[at]), int(twin[at])) for at in range(len(items))]
    result = pd.DataFrame(
        {
            "feedback_id": items["feedback_id"].astype("str"),
            "duplicate_group_id": [str(ids[at]) for at in leader],
            "is_duplicate": [at != own for own, at in enumerate(leader)],
            "similarity": [similarity.get(int(twin[at]), 1.0) for at in range(len(items))],
        }
    )
    return result.sort_values("feedback_id", kind="stable", ignore_index=True)


def _join(order: list[int], texts: list[str], scopes: list[str]) -> tuple[dict[int, int], dict[int, float]]:
    """Each item's representative and its similarity, in the order in which they came."""
    multipliers, offsets = _permutations()
    buckets: dict[tuple[str, int, bytes], list[int]] = defaultdict(list)
    shingles: dict[int, np.ndarray] = {}
    group: dict[int, int] = {}
    similarity: dict[int, float] = {}
    for at in order:
        if len(texts[at]) < _SHORTEST:
            continue
        mine = _shingles(texts[at])
        keys = [(scopes[at], band, part) for band, part in enumerate(_bands(mine, multipliers, offsets))]
        candidates = sorted({other for key in keys for other in buckets.get(key, ())})
        best, found = -1, 0.0
        for other in candidates:
            theirs = shingles[other]
            if min(len(mine), len(theirs)) < _JACCARD * max(len(mine), len(theirs)):
                continue
            shared = len(np.intersect1d(mine, theirs, assume_unique=True))
            jaccard = shared / (len(mine) + len(theirs) - shared)
            if jaccard >= _JACCARD and jaccard > found:
                best, found = other, jaccard
        if best >= 0:
            group[at] = best
            similarity[at] = round(found, 6)
            continue
        # Only representatives are candidates for others.
        shingles[at] = mine
        for key in keys:
            buckets[key].append(at)
    return group, similarity


def _shingles(text: str) -> np.ndarray:
    """The different groups of five bytes as numbers, sorted."""
    raw = np.frombuffer(text.encode(), dtype=np.uint8).astype(np.uint64)
    if len(raw) < _SHINGLE:
        raw = np.pad(raw, (0, _SHINGLE - len(raw)))
    count = len(raw) - _SHINGLE + 1
    found = np.zeros(count, dtype=np.uint64)
    for at in range(_SHINGLE):
        found = found << np.uint64(8) | raw[at : at + count]
    return np.unique(found)


def _permutations() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(_SEED)
    size = _BANDS * _BAND_ROWS
    multipliers = rng.integers(1, 1 << 63, size=size, dtype=np.uint64) | np.uint64(1)
    return multipliers, rng.integers(0, 1 << 60, size=size, dtype=np.uint64)


def _bands(shingles: np.ndarray, multipliers: np.ndarray, offsets: np.ndarray) -> list[bytes]:
    # The upper half of a product modulo 2^64 mixes well; the lower bits alone would not.
    hashed = (shingles[None, :] * multipliers[:, None] + offsets[:, None]) >> np.uint64(32)
    signature = hashed.min(axis=1).reshape(_BANDS, _BAND_ROWS)
    return [row.tobytes() for row in signature]
