"""Arrow arrays of Python's values, for raw rows.

Belongs here: making arrays and small tables of what Python holds. Does not belong here: what the columns mean
(`tables.py`).

pyarrow itself makes nothing of a Python value before it has imported pandas, to see whether it was given one
of its objects. That takes as long as a small load, which needs no pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def texts(values: Sequence[str | None]) -> pa.Array:
    """Raises TypeError for what is neither text nor None."""
    present = [value for value in values if value is not None]
    content = "".join(present).encode()
    lengths = np.fromiter(map(len, present), np.int32, len(present))
    if lengths.sum() != len(content):
        # Some letters are of several bytes.
        lengths = np.fromiter((len(value.encode()) for value in present), np.int32, len(present))
    is_present = None
    if len(present) < len(values):
        is_present = _is_present(values)
        every = np.zeros(len(values), np.int32)
        every[is_present] = lengths
        lengths = every
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return _array(pa.string(), len(values), is_present, pa.py_buffer(offsets), pa.py_buffer(content))


def flags(values: Sequence[bool | None]) -> pa.Array:
    """True, false, or nothing."""
    content = _bits(np.fromiter(map(bool, values), np.bool_, len(values)))
    return _array(pa.bool_(), len(values), _is_present(values), content)


def numbered(count: int) -> pa.Array:
    """0, 1, 2 and so on."""
    return positions(np.arange(count, dtype=np.int64))


def positions(numbers: np.ndarray) -> pa.Array:
    """Whole numbers that numpy holds already."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers.astype(np.int64))], 0)


def repeated(value: str, count: int) -> pa.Array:
    """One text in every row."""
    content = value.encode()
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(len(content))
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(content * count)], 0
    )


def table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A few rows by column; what a row does not tell is null."""
    arrays = [_column([row.get(column.name) for row in rows], column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def empty(schema: pa.Schema) -> pa.Table:
    """A table without rows."""
    return pa.Table.from_batches([], schema=schema)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return texts(values)
    if pa.types.is_boolean(kind):
        return flags(values)
    if pa.types.is_int64(kind):
        numbers = (0 if value is None else value for value in values)
    elif pa.types.is_timestamp(kind) and kind.unit == "us":
        numbers = (0 if value is None else (value - _EPOCH) // _MICROSECOND for value in values)
    else:
        raise TypeError(f"expected a column of text, truth, whole numbers or microseconds; came {kind}")
    content = pa.py_buffer(np.fromiter(numbers, np.int64, len(values)))
    return _array(kind, len(values), _is_present(values), content)


def _array(kind: pa.DataType, count: int, is_present: np.ndarray | None, *content: pa.Buffer) -> pa.Array:
    if is_present is None or is_present.all():
        return pa.Array.from_buffers(kind, count, [None, *content], 0)
    return pa.Array.from_buffers(kind, count, [_bits(is_present), *content])


def _is_present(values: Sequence[Any]) -> np.ndarray:
    return np.fromiter((value is not None for value in values), np.bool_, len(values))


def _bits(flags: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))
