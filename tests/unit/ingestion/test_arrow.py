"""Columns of Python's values are what pyarrow would make of them."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from ingestion import arrow

KINDS = [
    (pa.string(), ["a", None, "", "São Paulo", "日本", "😀" * 3, None, "x\0y"]),
    (pa.string(), ["plain", "letters"]),
    (pa.string(), [None, None]),
    (pa.bool_(), [True, None, False] * 7),
    (pa.int64(), [0, -1, None, 2**62]),
    (pa.timestamp("us"), [datetime(1960, 1, 2, 3, 4, 5, 678901), None, datetime(2026, 9, 1)]),
]


@pytest.mark.parametrize(("kind", "values"), [*KINDS, *((kind, []) for kind, _ in KINDS)])
def test_a_column_holds_what_it_was_made_of(kind: pa.DataType, values: list[Any]) -> None:
    made = arrow.table([{"told": value} for value in values], pa.schema([("told", kind)]))
    made.validate(full=True)
    assert made.column("told").combine_chunks().equals(pa.array(values, kind))


def test_one_text_in_every_row() -> None:
    assert arrow.repeated("São", 3).equals(pa.array(["São"] * 3))
    assert len(arrow.repeated("São", 0)) == 0


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError):
        arrow.texts(["a", 1])  # type: ignore[list-item]


def test_nothing_of_it_imports_pandas() -> None:
    script = """
import sys
import pyarrow as pa
from ingestion import arrow
rows = [{"a": "x", "b": True, "c": None}, {"a": None, "b": None, "c": 3}]
arrow.table(rows, pa.schema([("a", pa.string()), ("b", pa.bool_()), ("c", pa.int64())]))
arrow.table([], pa.schema([("a", pa.string())])), arrow.empty(pa.schema([("a", pa.string())]))
arrow.repeated("x", 3), arrow.numbered(3)
sys.exit("pandas" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
