"""Reads a compared table the way a BI tool would: read-only, from the published file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

if TYPE_CHECKING:
    from tests.truth.base import Truth
    from tests.truth.cases import Case


def read_case(file: Path, case: Case, truth: Truth) -> pd.DataFrame:
    where = case.where.format(first=truth.world.meta.starts_at.date(), last=truth.today + timedelta(days=40))
    with duckdb.connect(str(file), read_only=True) as connection:
        frame = connection.execute(f"select {case.select} from {case.table} where {where}").df()
    for column in frame.columns:
        if column.endswith("_on"):
            frame[column] = [
                None if pd.isna(value) else pd.Timestamp(value).date() for value in frame[column]
            ]
    return frame


def read_model_themes(file: Path) -> dict[str, list[str]]:
    """Item -> the themes that the model gave it, as published."""
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            "select feedback_id, theme_id from insight.fct_feedback_themes where assigned_by = 'model'"
            " order by 1, 2"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for feedback_id, theme_id in rows:
        found.setdefault(feedback_id, []).append(theme_id)
    return found
