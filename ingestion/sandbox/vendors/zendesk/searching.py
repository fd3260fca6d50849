"""Zendesk's search: what a text asks for, as far as clients ask by type and time.

Belongs here: reading the text, choosing rows. Does not belong here: pages and errors (`__init__.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ingestion.sandbox.snapshot import read_time

TYPES = ("ticket", "user", "organization", "group")
_TERM = re.compile(r"(?P<name>[a-z_]+)(?P<sign>:|>=|<=|>|<)(?P<value>\S+)")
_COMPARED: Mapping[str, Callable[[datetime, datetime], bool]] = {
    ">": lambda told, asked: told > asked,
    ">=": lambda told, asked: told >= asked,
    "<": lambda told, asked: told < asked,
    "<=": lambda told, asked: told <= asked,
    ":": lambda told, asked: told.date() == asked.date(),
}


class SearchError(ValueError):
    """The text asks for something that is not understood."""


def found(text: str, rows_of: Callable[[str], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows that a text like `type:user updated>2026-01-01` asks for, the last updated first.

    Arguments:
        rows_of: the visible rows of one of TYPES.

    Raises SearchError for words and properties that are not known.
    """
    types = list(TYPES)
    conditions: list[tuple[str, str, datetime]] = []
    for word in text.split():
        term = _TERM.fullmatch(word)
        if term is None:
            raise SearchError(f"free text is not served: {word}")
        name, sign, value = term.group("name", "sign", "value")
        if name == "type" and sign == ":" and value in TYPES:
            types = [value]
        elif name in ("created", "updated"):
            conditions.append((f"{name}_at", sign, read_time(value)))
        else:
            raise SearchError(f"this property is not served: {word}")
    chosen = [
        row | {"result_type": kind}
        for kind in types
        for row in rows_of(kind)
        if all(_COMPARED[sign](read_time(str(row[name])), asked) for name, sign, asked in conditions)
    ]
    return sorted(chosen, key=lambda row: (str(row["updated_at"]), row["id"]), reverse=True)
