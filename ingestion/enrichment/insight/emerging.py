"""New themes: what is suddenly said among the items that no theme fits.

Belongs here: groups of the last week that the weeks before do not explain. Does not belong here: themes that
are known (`spikes.py`), the lasting structure of the unthemed (`discover.py`).
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
_GROUPED = 0.45
_NEAR = 0.62
_LEAST_ITEMS = 5
# Expected false alarms per run, shared among the groups that are tried.
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
    rows = vectors[order].astype(np.float64)
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
    groups = _average_link(rows[recent])
    found: list[tuple[float, np.ndarray, float, int]] = []
    tried = 0
    for group in sorted(set(groups.tolist())):
        members = recent[groups == group]
        if len(members) < least_items:
            continue
        tried += 1
        centre = rows[members].mean(axis=0)
        centre /= max(float(np.linalg.norm(centre)), 1e-12)
        now_near = int((rows[recent] @ centre >= _NEAR).sum())
        past_near = int((rows[before] @ centre >= _NEAR).sum()) if len(before) else 0
        count = max(now_near, len(members))
        # Half an item more: never seen is not impossible.
        expected = (past_near + 0.5) / weeks
        found.append((_tail(count, expected), members, expected, count))
    limit = _ALARM_RATE / max(tried, 1)
    found = [item for item in found if item[0] <= limit]
    found.sort(key=lambda item: (item[0], str(items["feedback_id"].iloc[item[1][0]])))
    labels = _labels([[encoded_text(items["text"].iloc[at]) for at in members] for _, members, _, _ in found])
    groups_ids = [[str(items["feedback_id"].iloc[at]) for at in members] for _, members, _, _ in found]
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


def _average_link(vectors: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = np.clip(np.round(1.0 - vectors @ vectors.T, 9), 0.0, None)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), method="average")
    return np.asarray(fcluster(tree, t=1.0 - _GROUPED, criterion="distance"))


def _tail(count: int, expected: float) -> float:
    """Probability of `count` or more with variance m + k m^2 (negative binomial)."""
    from scipy.stats import nbinom

    size = 1.0 / _DISPERSION
    return float(nbinom.sf(count - 1, size, size / (size + expected)))
