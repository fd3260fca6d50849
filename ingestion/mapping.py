"""Turning a page of a vendor's objects into records without losing the page to one bad object.

Belongs here: what all connectors' mappings share. Does not belong here: any vendor's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ingestion.source import Malformed, Record


def mapped(
    objects: Iterable[Any], to_record: Callable[[Mapping[str, Any]], Record | Malformed]
) -> list[Record | Malformed]:
    """`to_record` of each object; what is no object, or not of the documented shape, becomes Malformed."""
    records: list[Record | Malformed] = []
    for one in objects:
        if not isinstance(one, Mapping):
            records.append(Malformed(f"expected an object, came {type(one).__name__}", one))
            continue
        try:
            records.append(to_record(one))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            records.append(Malformed(f"not of the documented shape: {type(error).__name__} {error}", one))
    return records
