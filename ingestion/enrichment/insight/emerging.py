"""New themes: what is suddenly said among the items that no theme fits.

Belongs here: groups of the last week that the weeks before do not explain. Does not belong here: themes that
are known (`spikes.py`), the lasting structure of the unthemed (`discover.py`).

How narrow a theme is, and whether it lies inside a group of others or apart, nobody knows beforehand. So each
group of the tree that joins the most similar is tried, the small ones inside the large ones too, at several
distances from its centre, and the limit for chance is shared among all that was tried.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from ingestion.enrichment.insight.discover import _labels
from ingestion.enrichment.insight.text import encoded_text

EMERGING_COLUMNS = (
    "emerging_id",
    "day",
    "label",
    "item_count_7d",
    "expected_count_7d",
    "probability",
    "example_ids",
)
_DAYS = 7
_WEEKS = 8
# Groups whose items are less alike on average are none.
_GROUPED = 0.35
_LEAST_MEMBERS = 4
# How close to a group's centre an item is of it: wide, middling and narrow themes.
_NEAR = (0.55, 0.65, 0.75)
_LEAST_ITEMS = 5
_BLOCK = 128
_DIGITS = 9
# Expected false alarms per run, shared among the groups and distances that are tried.
_ALARM_RATE = 0.01
_DISPERSION = 0.1
_MOST_ITEMS = 4_000
_EXAMPLES = 8
_SAME_EXAMPLES = 0.3


def find_emerging(
    feedback: pd.DataFrame,
    vectors: np.ndarray,
    day: pd.Timestamp,
    *,
    earlier: pd.DataFrame | None = None,
    least_items: int = _LEAST_ITEMS,
) -> pd.DataFrame:
    """Groups among the unthemed of the last 7 days that come up more than in the 8 weeks before.

    Arguments:
        feedback: feedback_id, text, occurred_at (naive UTC) of unthemed items.
        vectors: float[n, d] of the same rows.
        day: the last day that counts.
        earlier: what was found on days before: emerging_id, day, example_ids. A group that has at least three
            in ten of the examples of one from the last 7 days keeps its id.

    Returns:
        emerging_id, day, label, item_count_7d, expected_count_7d (from items as close to the group's centre
        in the weeks before), probability (of as many by chance), example_ids; least probable first.
    """
    empty = pd.DataFrame(columns=list(EMERGING_COLUMNS))
    order = np.argsort(feedback["feedback_id"].astype("str").to_numpy(), kind="stable")
    items = feedback.iloc[order].reset_index(drop=True)
    rows = vectors[order]
    end = pd.Timestamp(day).normalize() + pd.Timedelta(days=1)
    moments = pd.to_datetime(items["occurred_at"])
    start = end - pd.Timedelta(days=_DAYS)
    first = start - pd.Timedelta(weeks=_WEEKS)
    is_read = np.any(rows, axis=1)
    recent = np.flatnonzero(((moments >= start) & (moments < end)).to_numpy() & is_read)
    before = np.flatnonzero(((moments >= first) & (moments < start)).to_numpy() & is_read)
    if len(recent) > _MOST_ITEMS:
        # Pairs are compared: of a week with more items the newest are.
        recent = np.sort(recent[np.argsort(moments.iloc[recent].to_numpy(), kind="stable")][-_MOST_ITEMS:])
    if len(recent) < least_items:
        return empty
    age = (moments.iloc[before].min() if len(before) else start) if len(before) else start
    weeks = min(_WEEKS, max(1.0, (start - age) / pd.Timedelta(weeks=1)))
    near, far = rows[recent].astype(np.float64), rows[before].astype(np.float64)
    tried = _tried(near, far, weeks, least_items)
    limit = _ALARM_RATE / max(len(tried), 1)
    names_of = items["feedback_id"].astype("str").to_numpy()
    likely = sorted(
        (item for item in tried if item[0] <= limit),
        key=lambda item: (item[0], -len(item[1]), names_of[recent[item[1][0]]]),
    )
    found: list[tuple[float, np.ndarray, float, int]] = []
    taken: set[int] = set()
    for probability, members, expected, count in likely:
        # Of groups inside one another the least probable tells.
        if taken.isdisjoint(members.tolist()):
            taken.update(members.tolist())
            found.append((probability, recent[members], expected, count))
    labels = _labels([[encoded_text(items["text"].iloc[at]) for at in members] for _, members, _, _ in found])
    groups_ids = [names_of[members].tolist() for _, members, _, _ in found]
    names = _lasting_ids(groups_ids, pd.Timestamp(day), earlier)
    result: list[dict[str, Any]] = []
    for (probability, _, expected, count), label, ids, name in zip(
        found, labels, groups_ids, names, strict=True
    ):
        result.append(
            {
                "emerging_id": name,
                "day": pd.Timestamp(day).date(),
                "label": label,
                "item_count_7d": count,
                "expected_count_7d": round(expected, 6),
                "probability": probability,
                "example_ids": ids[:_EXAMPLES],
            }
        )
    return pd.DataFrame(result, columns=list(EMERGING_COLUMNS))


def _lasting_ids(groups: list[list[str]], day: pd.Timestamp, earlier: pd.DataFrame | None) -> list[str]:
    """The id that a group had in the last 7 days, each at most once; else the hash of its first item."""
    matches: list[tuple[float, int, int, str]] = []
    if earlier is not None and len(earlier):
        age = (pd.Timestamp(day).normalize() - pd.to_datetime(earlier["day"])).dt.days
        recent = earlier.assign(age=age)[(age > 0) & (age <= _DAYS)]
        columns = (recent[name].tolist() for name in ("emerging_id", "age", "example_ids"))
        for name, days, examples in zip(*columns, strict=True):
            for at, ids in enumerate(groups):
                shared = len(set(ids) & set(examples)) / max(len(examples), 1)
                if shared >= _SAME_EXAMPLES:
                    matches.append((-shared, int(days), at, str(name)))
    taken: dict[int, str] = {}
    for _, _, at, name in sorted(matches):
        if at not in taken and name not in taken.values():
            taken[at] = name
    names = []
    for at, ids in enumerate(groups):
        name = taken.get(at) or "emerging-" + hashlib.sha256(min(ids).encode()).hexdigest()[:10]
        while name in names or (at not in taken and name in taken.values()):
            name += "x"
        names.append(name)
    return names


def _tried(
    recent: np.ndarray, before: np.ndarray, weeks: float, least_items: int
) -> list[tuple[float, np.ndarray, float, int]]:
    """Every group at every distance: how probable by chance, members' rows, expected items, items.

    A member counts by how close it is to the others: the centre that it helped to draw would flatter it.
    """
    groups = _groups(recent)
    lengths = np.einsum("ij,ij->i", recent, recent)
    found: list[tuple[float, np.ndarray, float, int]] = []
    for start in range(0, len(groups), _BLOCK):
        block = groups[start : start + _BLOCK]
        sums = np.stack([recent[members].sum(axis=0) for members in block])
        norms = np.maximum(np.linalg.norm(sums, axis=1), 1e-12)[:, None]
        products = sums @ recent.T
        close = products / norms
        for at, members in enumerate(block):
            own = lengths[members]
            others = np.sqrt(np.maximum(norms[at] ** 2 - 2.0 * products[at, members] + own, 1e-24))
            close[at, members] = (products[at, members] - own) / others
        once = np.round((sums / norms) @ before.T, _DIGITS)
        close = np.round(close, _DIGITS)
        for limit in _NEAR:
            counts = (close >= limit).sum(axis=1)
            # Half an item more: never seen is not impossible.
            expected = ((once >= limit).sum(axis=1) + 0.5) / weeks
            tails = _tails(counts, expected)
            found += [
                (float(tails[at]), members, float(expected[at]), int(counts[at]))
                for at, members in enumerate(block)
                if counts[at] >= least_items
            ]
    return found


def _groups(vectors: np.ndarray) -> list[np.ndarray]:
    """The sorted rows of each group of the tree of average links that is large and alike enough."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    distances = np.clip(np.round(1.0 - vectors @ vectors.T, _DIGITS), 0.0, None)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), method="average")
    members = {row: np.array([row]) for row in range(len(vectors))}
    found = []
    for number, (left, right, distance, _) in enumerate(tree, start=len(vectors)):
        # Later links are between groups that are less alike.
        if distance > 1.0 - _GROUPED:
            break
        joined = np.sort(np.concatenate((members.pop(int(left)), members.pop(int(right)))))
        members[number] = joined
        if len(joined) >= _LEAST_MEMBERS:
            found.append(joined)
    return found


def _tails(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Probability of as many or more with variance m + k m^2 (negative binomial)."""
    from scipy.stats import nbinom

    size = 1.0 / _DISPERSION
    return np.asarray(nbinom.sf(counts - 1, size, size / (size + expected)))
