"""Compares a table of the warehouse with the truth, row by row, and says where they part.

Belongs here: the comparison. Does not belong here: what a table should hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def differences(
    actual: pd.DataFrame,
    expected: pd.DataFrame,
    *,
    keys: Sequence[str],
    tolerance: Mapping[str, float] | None = None,
    default_tolerance: float = 1e-6,
    columns: Sequence[str] | None = None,
) -> list[str]:
    """Every way in which `actual` is not `expected`; empty when they are equal.

    Arguments:
        keys: the grain.
        tolerance: absolute tolerance per numeric column; `default_tolerance` for the others.
        columns: the columns to compare; those of `expected` unless given.
    """
    if expected.empty:  # then its columns say nothing either
        return [f"{len(actual)} rows should not be there, e.g. {_keys(actual, keys)}"] if len(actual) else []
    found: list[str] = []
    columns = list(columns or [column for column in expected.columns if column not in keys])
    for name, frame in (("actual", actual), ("expected", expected)):
        doubled = frame[frame.duplicated(list(keys), keep=False)]
        if len(doubled):
            found.append(f"{name} has {len(doubled)} rows that share a key, e.g. {_keys(doubled, keys)}")
    if found:
        return found
    left = _normalised(actual, keys).set_index(list(keys))
    right = _normalised(expected, keys).set_index(list(keys))
    missing, extra = right.index.difference(left.index), left.index.difference(right.index)
    if len(missing):
        found.append(f"{len(missing)} of {len(right)} rows are missing, e.g. {list(missing[:5])}")
    if len(extra):
        found.append(f"{len(extra)} rows should not be there (expected {len(right)}), e.g. {list(extra[:5])}")
    common = right.index.intersection(left.index)
    for column in columns:
        if column not in left.columns:
            found.append(f"column {column} is missing")
            continue
        mine, theirs = left.loc[common, column], right.loc[common, column]
        different = _different(mine, theirs, (tolerance or {}).get(column, default_tolerance))
        if different.any():
            rows = [
                f"{index}: {mine.loc[index]!r} instead of {theirs.loc[index]!r}"
                for index in common[different][:5]
            ]
            found.append(
                f"{column} differs in {int(different.sum())} of {len(common)} rows: " + "; ".join(rows)
            )
    return found


def _keys(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple]:
    return [tuple(row) for row in frame[list(keys)].head(3).itertuples(index=False)]


def _normalised(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    frame = frame.copy()
    for key in keys:
        frame[key] = frame[key].map(
            lambda value: str(value)[:10] if hasattr(value, "isoformat") else str(value)
        )
    return frame


def _different(mine: pd.Series, theirs: pd.Series, tolerance: float) -> np.ndarray:
    null_mine, null_theirs = mine.isna().to_numpy(), theirs.isna().to_numpy()
    both = ~null_mine & ~null_theirs
    result = null_mine != null_theirs
    values_mine, values_theirs = mine[both], theirs[both]
    if not len(values_mine):
        return result
    sample = values_theirs.iloc[0]
    if isinstance(sample, bool | np.bool_):
        unequal = values_mine.astype(bool).to_numpy() != values_theirs.astype(bool).to_numpy()
    elif isinstance(sample, pd.Timestamp | np.datetime64) or (hasattr(sample, "isoformat")):
        apart = pd.to_datetime(values_mine).astype("datetime64[us]") - pd.to_datetime(values_theirs).astype(
            "datetime64[us]"
        )
        unequal = (apart.abs() > pd.Timedelta(seconds=tolerance)).to_numpy()
    elif isinstance(sample, str):
        unequal = values_mine.astype(str).to_numpy() != values_theirs.astype(str).to_numpy()
    else:
        unequal = ~np.isclose(
            values_mine.astype(float).to_numpy(),
            values_theirs.astype(float).to_numpy(),
            rtol=1e-9,
            atol=tolerance,
        )
    result[both] = unequal
    return result
