"""Near-duplicates: the same message sent again, forwarded, or reported by a form.

Belongs here: groups of items whose canonical texts are nearly equal. Does not belong here: the canonical text
(`text.py`), and items that mean the same in other words, which are no duplicates.

Items join a group's representative, never one another in a chain: two items of a group are both close to the
first one. Candidates come from MinHash, the decision from the true Jaccard similarity.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

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
# Of 60 minima two texts this similar share 48, give or take 3; with fewer than this they are not looked at.
_LEAST_ALIKE = 34
# Shingles of long texts need memory: those of so many are kept, others are cut again.
_KEPT_SHINGLES = 4_096
_SEED = 20_260_101
_ODD = 0x9E3779B97F4A7C15


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
    # Texts are not kept beyond the call: a person may ask for theirs to be forgotten.
    _shingles.cache_clear()
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
    compared = [at for at in order if len(texts[at]) >= _SHORTEST]
    sizes, signatures = _signatures([texts[at] for at in compared])
    buckets = _shared_buckets(signatures, [scopes[at] for at in compared])
    representatives: dict[int, list[int]] = defaultdict(list)
    group: dict[int, int] = {}
    similarity: dict[int, float] = {}
    for row, at in enumerate(compared):
        mine_in = buckets[row][buckets[row] >= 0].tolist()
        if not mine_in:
            continue
        near = {other for key in mine_in for other in representatives[key]}
        others = np.array(sorted(near), dtype=np.int64)
        alike = (signatures[others] == signatures[row]).sum(axis=1) >= _LEAST_ALIKE
        smaller, larger = np.minimum(sizes[others], sizes[row]), np.maximum(sizes[others], sizes[row])
        chosen = others[alike & (smaller >= _JACCARD * larger)].tolist()
        best, found = _closest(texts[at], [texts[compared[other]] for other in chosen])
        if best >= 0:
            group[at] = compared[chosen[best]]
            similarity[at] = round(found, 6)
            continue
        # Only representatives are candidates for others.
        for key in mine_in:
            representatives[key].append(row)
    return group, similarity


def _closest(text: str, others: list[str]) -> tuple[int, float]:
    """Which is the most similar, of equals the first, and how much; -1 where none is close enough."""
    best, found = -1, 0.0
    mine = _shingles(text) if others else np.empty(0)
    for at, other in enumerate(others):
        theirs = _shingles(other)
        shared = len(np.intersect1d(mine, theirs, assume_unique=True))
        jaccard = shared / (len(mine) + len(theirs) - shared)
        if jaccard >= _JACCARD and jaccard > found:
            best, found = at, jaccard
    return best, found


def _signatures(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """How many different shingles each text has, and under each permutation the smallest of them: uint32."""
    multipliers, offsets = _permutations()
    sizes = np.empty(len(texts), dtype=np.int64)
    signatures = np.empty((len(texts), len(multipliers)), dtype=np.uint32)
    for row, text in enumerate(texts):
        shingles = _shingles(text)
        sizes[row] = len(shingles)
        # The upper half of a product modulo 2^64 mixes well; the lower bits alone would not.
        hashed = (shingles[None, :] * multipliers[:, None] + offsets[:, None]) >> np.uint64(32)
        signatures[row] = hashed.min(axis=1)
    return sizes, signatures


def _shared_buckets(signatures: np.ndarray, scopes: list[str]) -> np.ndarray:
    """int32[texts, bands]: the number of the bucket that a text shares with others of its scope, else -1."""
    numbers = {scope: number for number, scope in enumerate(dict.fromkeys(scopes))}
    scope = np.array([numbers[name] for name in scopes], dtype=np.uint64) * np.uint64(_ODD)
    buckets = np.empty((len(signatures), _BANDS), dtype=np.int32)
    count = 0
    for band in range(_BANDS):
        keys = scope.copy()
        for column in range(band * _BAND_ROWS, (band + 1) * _BAND_ROWS):
            keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(_ODD) + signatures[:, column]
        _, bucket, sharers = np.unique(keys, return_inverse=True, return_counts=True)
        buckets[:, band] = np.where(sharers[bucket] > 1, bucket + count, -1)
        count += len(sharers)
    return buckets


@lru_cache(maxsize=_KEPT_SHINGLES)
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
